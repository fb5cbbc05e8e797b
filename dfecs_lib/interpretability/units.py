"""Units in one form, whatever the estimator: motion of the 68 iBUG keypoints, and whether codes are signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import FastICA

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import coordinates, scheme_of
from dfecs_lib.keypoints.schemes import Scheme, get_scheme

__all__ = ["HasComponents", "Units", "as_units"]


@runtime_checkable
class HasComponents(Protocol):
    """An estimator with units in its rows: ``FullFaceModel``, ``PCAUnits``, scikit-learn's ``PCA`` …"""

    components_: NDArray[np.float64]


@dataclass(frozen=True)
class Units:
    """Action units as motions of the iBUG-68 keypoints.

    Parameters
    ----------
    motion : array of shape (n_units, 68, 2)
        px; zero where the scheme lacks the keypoint.
    present : array of bool, shape (68,)
        Which keypoints the scheme has.
    signed : bool
        Whether a code may be negative, so that the unit also stands for the opposite motion.
    names : tuple of str
    """

    motion: NDArray[np.float64] = field(repr=False)
    present: NDArray[np.bool_] = field(repr=False)
    signed: bool
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.motion)


def _rows_of(model: object) -> NDArray[np.float64]:
    if isinstance(model, pd.DataFrame):
        return coordinates(model)
    if isinstance(model, (np.ndarray, list, tuple)):
        return np.atleast_2d(np.asarray(model, dtype=np.float64))
    # scikit-learn's FastICA keeps the unmixing matrix in components_; what moves the face is the mixing matrix.
    if isinstance(model, FastICA) and hasattr(model, "mixing_"):
        return np.asarray(model.mixing_, dtype=np.float64).T
    if isinstance(model, HasComponents):
        return np.atleast_2d(np.asarray(model.components_, dtype=np.float64))
    raise DfecsError(f"{type(model).__name__} has no components_; fit the model first, or give an array (n_units, 2K)")


def _scheme_of(model: object, rows: NDArray[np.float64], scheme: str | Scheme | None) -> Scheme:
    if scheme is None:
        metadata = getattr(model, "metadata_", None)
        scheme = getattr(model, "scheme_", None) or (metadata.get("scheme") if isinstance(metadata, dict) else None)
    if scheme is None and isinstance(model, pd.DataFrame):
        return scheme_of(model)
    return scheme_of(rows, scheme)


def _is_signed(model: object, rows: NDArray[np.float64]) -> bool:
    transform = getattr(model, "transform", None)
    if transform is None:
        raise DfecsError("say signed=True if a unit's code may be negative (PCA, ICA), signed=False if it never is")
    # A unit and its opposite are encoded: whoever answers a negative code can answer it for data, too.
    both = np.vstack([rows, -rows])
    columns = getattr(model, "feature_names_in_", None)
    codes = np.asarray(transform(both if columns is None else pd.DataFrame(both, columns=columns)), dtype=np.float64)
    return bool(np.nanmin(codes) < -1e-9 * max(float(np.nanmax(np.abs(codes))), 1e-300))


def as_units(
    model: object,
    *,
    scheme: str | Scheme | None = None,
    signed: bool | None = None,
    names: Sequence[str] | None = None,
) -> Units:
    """Return the units of a fitted estimator, or of an array, as `Units`.

    Parameters
    ----------
    model : estimator with ``components_``, Units, or array-like of shape (n_units, 2K)
        Rows ``[x_0 … x_{K-1}, y_0 … y_{K-1}]``. ``FastICA`` counts by its ``mixing_``.
    scheme : str or Scheme, optional
        Overrides what the model or the number of columns says.
    signed : bool, optional
        Whether codes may be negative. Found out by encoding the units and their opposites where the model has
        ``transform``; an array needs it said.
    names : sequence of str, optional
        Names of the units; "1", "2", … by default.

    Raises
    ------
    DfecsError
        If there are no units, if they are not finite, or if `signed` is needed and not said.

    Examples
    --------
    >>> import numpy as np
    >>> len(as_units(np.eye(3, 136), signed=False))
    3
    """
    if isinstance(model, Units):
        return model
    rows = _rows_of(model)
    if rows.size == 0 or not np.isfinite(rows).all():
        raise DfecsError(f"units must be finite and at least one; got shape {rows.shape}")
    found = get_scheme(_scheme_of(model, rows, scheme))
    motion = np.zeros((len(rows), 68, 2))
    ibug = np.asarray(found.ibug)
    points = rows.reshape(len(rows), 2, -1).transpose(0, 2, 1)
    motion[:, ibug] = points[:, found.positions(list(found.ibug))]
    present = np.zeros(68, dtype=bool)
    present[ibug] = True
    labels = tuple(map(str, names)) if names is not None else tuple(str(i + 1) for i in range(len(rows)))
    if len(labels) != len(rows):
        raise DfecsError(f"{len(labels)} names for {len(rows)} units")
    return Units(motion, present, _is_signed(model, rows) if signed is None else signed, labels)


def as_motion(X: ArrayLike, n_points: int = 68) -> NDArray[np.float64]:
    """Return motions as (n, n_points, 2); one face becomes a stack of one."""
    values = np.asarray(X, dtype=np.float64)
    if values.ndim == 2 and values.shape == (n_points, 2):
        values = values[None]
    if values.ndim != 3 or values.shape[1:] != (n_points, 2):
        raise DfecsError(f"motions must have the shape (n, {n_points}, 2), not {values.shape}; see as_units")
    return values
