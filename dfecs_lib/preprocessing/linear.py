"""The published linear frontalization: one fixed map from a turned face to a frontal one.

Method of V. Vonikakis and S. Winkler, "Identity-invariant facial landmark frontalization for facial expression
analysis", IEEE ICIP 2020. The weights are theirs (MIT licence) and are not part of this library.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from dfecs_lib.errors import DfecsError
from dfecs_lib.files import exists, read_numpy
from dfecs_lib.keypoints import DISFA66, IBUG68, Scheme
from dfecs_lib.preprocessing.base import Rows

__all__ = ["frontalize_linear", "load_weights", "standardize"]

WEIGHTS_SHAPE = (137, 136)

# DISFA has no inner mouth corners. Each is put on the way from the outer corner to the middle of the first inner
# points above and below: p = outer + share · (middle − outer). The share lies between the least-squares ones
# on OpenFace (0.24) and Py-Feat (0.20) tracks.
INNER_CORNER_SHARE = 0.23
_INNER_CORNERS = ((60, 48, (61, 67)), (64, 54, (63, 65)))


def load_weights(weights: ArrayLike | str | os.PathLike[str] | None) -> Rows:
    """Return frontalization weights of shape (137, 136) from an array or a .npy file.

    Parameters
    ----------
    weights : array-like of shape (137, 136), or path of a .npy file
        Rows: the inputs x_0 … x_67, y_0 … y_67, 1. Columns: the outputs x_0 … x_67, y_0 … y_67.

    Raises
    ------
    DfecsError
        If there are none, or they are not of that shape, or not finite numbers.
    """
    if weights is None:
        raise DfecsError(
            "method='linear' needs weights: give the 137×136 array of Vonikakis and Winkler, or the path of its .npy "
            "file ('dfecs data fetch' gets it), or use method='pose', which needs none"
        )
    where = "the frontalization weights"
    if isinstance(weights, (str, os.PathLike)):
        path = Path(weights)
        where = f"{path}: the frontalization weights"
        if not exists(path):
            raise DfecsError(f"{path}: no such file (frontalization weights, .npy)")
        content = read_numpy(path)
        if isinstance(content, dict):
            raise DfecsError(f"{where} must be an .npy file of one array, and this one holds {len(content)}")
        array = content
    else:
        array = np.asarray(weights)
    if array.shape != WEIGHTS_SHAPE:
        raise DfecsError(f"{where} must be an array of shape {WEIGHTS_SHAPE}, not {getattr(array, 'shape', None)}")
    if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise DfecsError(f"{where} must be finite numbers")
    return np.ascontiguousarray(array, dtype=np.float64)


def standardize(values: Rows) -> Rows:
    """Centre each 68-point face, scale it to unit root-mean-square radius, and level its eye centres.

    Parameters
    ----------
    values : ndarray of shape (n_frames, 136)
        iBUG-68 rows. A row with any NaN comes out all NaN, as does a face of no size.

    Returns
    -------
    ndarray of shape (n_frames, 136)
        ``mean = 0``, ``mean(x² + y²) = 1``, eye centres at equal y.
    """
    points = values.reshape(len(values), 2, 68)
    centred = points - points.mean(axis=2, keepdims=True)
    size = np.sqrt(np.einsum("ncj,ncj->n", centred, centred) / 68)
    eyes = centred[:, :, 42:48].mean(axis=2) - centred[:, :, 36:42].mean(axis=2)
    # Between the eyes, and so over the size: one complex factor turns and scales at once.
    length = np.hypot(eyes[:, 0], eyes[:, 1])
    factor = length * size
    usable = factor > 0
    factor = np.where(usable, factor, np.nan)
    cos, sin = (eyes[:, 0] / factor)[:, None], (eyes[:, 1] / factor)[:, None]
    out = np.empty_like(centred)
    out[:, 0] = cos * centred[:, 0] + sin * centred[:, 1]
    out[:, 1] = cos * centred[:, 1] - sin * centred[:, 0]
    result: Rows = out.reshape(values.shape)
    return result


def frontalize_linear(values: Rows, scheme: Scheme, weights: Rows) -> Rows:
    """Return ``[standardize(values), 1] · weights`` in the given scheme; unit root-mean-square radius.

    DISFA's 66 points are completed by estimated inner mouth corners first, which are dropped again from the result.
    """
    full = _complete_66(values) if scheme == DISFA66 else values
    out: Rows = standardize(full) @ weights[:-1]
    out += weights[-1]
    if scheme == DISFA66:
        keep = np.array(DISFA66.ibug)
        out = np.concatenate([out[:, keep], out[:, 68 + keep]], axis=1)
    return out


def _complete_66(values: Rows) -> Rows:
    out = np.empty((len(values), 2, IBUG68.n_points))
    out[:, :, list(DISFA66.ibug)] = values.reshape(len(values), 2, DISFA66.n_points)
    for inner, outer, (above, below) in _INNER_CORNERS:
        middle = (out[:, :, above] + out[:, :, below]) / 2
        out[:, :, inner] = out[:, :, outer] + INNER_CORNER_SHARE * (middle - out[:, :, outer])
    return out.reshape(len(values), 2 * IBUG68.n_points)
