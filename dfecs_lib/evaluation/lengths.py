"""Lengths of a face that expression changes, measured by one of two rulers.

Affine registration sets the height of a whole face by its nose and the ends of its jaw line, which stand at other
depths than mouth and eyes: a few degrees of tilt, or a tracker that puts them elsewhere, stretch or squeeze everything
between. `level_by_eyes` measures by the eyes alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from dfecs_lib.anatomy.head import load_head
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import coordinates, from_points, scheme_of, to_points
from dfecs_lib.preprocessing.registration import AFFINE_TARGETS_NO_JAW, AffineRegistration

__all__ = ["RULERS", "face_lengths", "level_by_eyes", "plain_gains"]

Array = NDArray[np.float64]
#: What faces may be measured by: affine registration, or the outer corners of the eyes alone (`level_by_eyes`).
RULERS = ("registration", "eyes")


def face_lengths(faces: pd.DataFrame | ArrayLike) -> pd.DataFrame:
    """Return five lengths of every face, px, after affine registration or `level_by_eyes`.

    Columns: ``mouth_width`` (48 to 54), ``mouth_opening`` (inner lips, 62 to 66), ``lip_height`` (outer lips, 51 to
    57), ``brow_height`` (mean of 19-24 above the outer corners of the eyes), ``eye_opening`` (mean of both eyes).
    """
    points, scheme = to_points(faces), scheme_of(faces)

    def along(axis: int, *ibug: int) -> Array:
        return np.asarray(points[:, scheme.positions(ibug), axis].mean(axis=1))

    columns = {
        "mouth_width": along(0, 54) - along(0, 48),
        "mouth_opening": along(1, 66) - along(1, 62),
        "lip_height": along(1, 57) - along(1, 51),
        "brow_height": along(1, 36, 45) - along(1, 19, 20, 21, 22, 23, 24),
        "eye_opening": along(1, 40, 41, 46, 47) - along(1, 37, 38, 43, 44),
    }
    return pd.DataFrame(columns, index=faces.index if isinstance(faces, pd.DataFrame) else None)


def level_by_eyes(faces: pd.DataFrame | ArrayLike) -> Array:
    """Shift, turn and scale every face so that the outer corners of its eyes stand where registration has them.

    A similarity, not an affine map: a face keeps its proportions, and no height hangs on the nose.

    Parameters
    ----------
    faces : keypoint table or array of shape (n_frames, 2K)
        Any unit.

    Returns
    -------
    ndarray of shape (n_frames, 2K)
        Points 36 and 45 at (400, 1000) and (1000, 1000) px; NaN where the two are missing or in one place.

    Examples
    --------
    >>> face = load_head().mean[:, :2].T.reshape(1, -1)
    >>> level = level_by_eyes(3 * face + 20)
    >>> [int(round(level[0, column])) for column in (36, 68 + 36, 45, 68 + 45)]
    [400, 1000, 1000, 1000]
    """
    scheme = scheme_of(faces)
    values = coordinates(faces)
    z = values[:, : scheme.n_points] + 1j * values[:, scheme.n_points :]
    (right, left), (p, q) = ((complex(*AFFINE_TARGETS_NO_JAW[i]) for i in (36, 45)), scheme.positions([36, 45]))
    apart = z[:, q] - z[:, p]
    lost = ~(np.abs(apart) > 0)
    z = right + ((left - right) / np.where(lost, 1, apart))[:, None] * (z - z[:, [p]])
    out = np.concatenate([z.real, z.imag], axis=1)
    out[lost] = np.nan
    return out


def plain_gains(
    pitch: float, yaw: float = 0.0, roll: float = 0.0, *, ruler: str = "registration"
) -> Mapping[str, float]:
    """Return what is left of each length's true range when a turned face is measured without frontalization.

    Every expression mode of the 3-D head is shown once, from the front and turned (scaled orthography), and measured
    by the same ruler. The gain is the slope, over the modes, of a length's change as seen on its true change.

    Parameters
    ----------
    pitch, yaw, roll : float
        Degrees, applied in the order x, y, z of the head's axes; 0 faces the camera. Positive pitch bows the head:
        the chin moves away from the camera.
    ruler : {"registration", "eyes"}
        `AffineRegistration` or `level_by_eyes`.

    Returns
    -------
    Mapping
        One gain for each length of `face_lengths`; 1 from the front.

    Examples
    --------
    >>> {name: round(gain, 2) for name, gain in plain_gains(0).items()}["mouth_opening"]
    1.0
    >>> plain_gains(15)["mouth_opening"] < 0.8  # the nose looks longer, so that registration squeezes the face
    True
    >>> plain_gains(15, ruler="eyes")["mouth_opening"] > 0.8
    True
    """
    if ruler not in RULERS:
        raise DfecsError(f"unknown ruler {ruler!r}; known: {', '.join(RULERS)}")
    measured = AffineRegistration().fit_transform if ruler == "registration" else level_by_eyes
    head = load_head()
    shapes = np.concatenate([head.mean[None], head.mean + head.expression * 0.4])
    turned = shapes @ Rotation.from_euler("xyz", (pitch, yaw, roll), degrees=True).as_matrix().T
    changes = []
    for faces in (turned, shapes):
        lengths = face_lengths(measured(from_points(faces[:, :, :2])))
        changes.append(lengths.iloc[1:] - lengths.iloc[0])
    seen, true = changes
    gains = (seen * true).sum() / (true**2).sum()
    return {str(name): float(gain) for name, gain in gains.items()}
