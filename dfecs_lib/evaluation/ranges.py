"""How much of the range of mouth, brows and eyes a preprocessing keeps, on real faces without a known true shape.

A real face as tracked is no perfect measure, for three reasons. Affine registration sets the height of a whole face by
its nose and the ends of its jaw line, which stand at other depths than mouth and eyes: a few degrees of tilt, or a
tracker that puts them elsewhere, stretch or squeeze everything between. That is a matter of the ruler and not of
expression, so that `ranges_kept_by_eyes` measures by the eyes alone. A head that keeps still may be tilted all the
while; `plain_gains` says what that does, by either ruler. And a length as tracked holds the tracker's noise, which a
frontalization may rightly lower: a range can be asked only of what an independent measure of expression tells.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.preprocessing import PolynomialFeatures

from dfecs_lib.anatomy.head import load_head
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import scheme_of
from dfecs_lib.preprocessing.registration import AFFINE_TARGETS_NO_JAW, AffineRegistration

__all__ = [
    "RULERS",
    "level_by_eyes",
    "mouth_and_brow_measures",
    "plain_gains",
    "ranges_kept",
    "ranges_kept_by_eyes",
    "steady_frames",
]

Array = NDArray[np.float64]
#: What faces may be measured by: affine registration, or the outer corners of the eyes alone (`level_by_eyes`).
RULERS = ("registration", "eyes")
_TELLING = 0.15  # below this cross-validated R², expression does not tell enough of a length to judge its range
_FOLDS = 5
_RIDGE = np.logspace(-1, 4, 11)


def mouth_and_brow_measures(registered: pd.DataFrame | ArrayLike) -> pd.DataFrame:
    """Return five lengths of every face, px, after affine registration or `level_by_eyes`.

    Columns: ``mouth_width`` (48 to 54), ``mouth_opening`` (62 to 66), ``lip_height`` (51 to 57), ``brow_height``
    (mean of 19-24 above the outer corners of the eyes), ``eye_opening`` (mean of both eyes).
    """
    scheme = scheme_of(registered)
    values = np.asarray(registered, dtype=np.float64)
    k = scheme.n_points

    def x(i: int) -> Array:
        return values[:, scheme.position(i)]

    def y(*points: int) -> Array:
        return np.asarray(values[:, k + scheme.positions(points)].mean(axis=1))

    columns = {
        "mouth_width": x(54) - x(48),
        "mouth_opening": y(66) - y(62),
        "lip_height": y(57) - y(51),
        "brow_height": y(36, 45) - y(19, 20, 21, 22, 23, 24),
        "eye_opening": y(40, 41, 46, 47) - y(37, 38, 43, 44),
    }
    return pd.DataFrame(columns, index=registered.index if isinstance(registered, pd.DataFrame) else None)


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
    values = np.asarray(faces, dtype=np.float64)
    z = values[:, : scheme.n_points] + 1j * values[:, scheme.n_points :]
    (right, left), (p, q) = ((complex(*AFFINE_TARGETS_NO_JAW[i]) for i in (36, 45)), scheme.positions([36, 45]))
    apart = z[:, q] - z[:, p]
    lost = ~(np.abs(apart) > 0)
    z = right + ((left - right) / np.where(lost, 1, apart))[:, None] * (z - z[:, [p]])
    out = np.concatenate([z.real, z.imag], axis=1)
    out[lost] = np.nan
    return out


def steady_frames(pose: pd.DataFrame | ArrayLike, *, within: float) -> NDArray[np.bool_]:
    """Return the frames whose pitch and yaw are nearest to the recording's most usual pose.

    Parameters
    ----------
    pose : DataFrame or array of shape (n_frames, 2 or more)
        Pitch and yaw in the first two columns.
    within : float
        The largest distance from the centre, in the unit of `pose`. The centre is the frame with most others in reach.
    """
    angles = np.asarray(pose, dtype=np.float64)[:, :2]
    known = np.isfinite(angles).all(axis=1)
    some = angles[known][:: max(1, int(known.sum()) // 200)]
    with np.errstate(invalid="ignore"):
        near = np.linalg.norm(angles[:, None] - some[None], axis=2) < within
    return np.asarray(near[:, near.sum(axis=0).argmax()])


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
        One gain for each length of `mouth_and_brow_measures`; 1 from the front.

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
        rows = np.concatenate([faces[:, :, 0], faces[:, :, 1]], axis=1)
        lengths = mouth_and_brow_measures(measured(rows))
        changes.append(lengths.iloc[1:] - lengths.iloc[0])
    seen, true = changes
    gains = (seen * true).sum() / (true**2).sum()
    return {str(name): float(gain) for name, gain in gains.items()}


def ranges_kept(
    registered: pd.DataFrame | ArrayLike,
    plain: pd.DataFrame | ArrayLike,
    pose: pd.DataFrame | ArrayLike,
    *,
    within: float,
    expression: pd.DataFrame | ArrayLike | None = None,
) -> Mapping[str, float]:
    """Return, for each measure, its size after a frontalization over its size without, where the head is steady.

    While the head keeps still, a good frontalization changes no expression. In those frames (`steady_frames`) each
    length is freed of what a quadratic of the angles still explains; a after, b before. The ratio is the slope

    ``Σ a z / Σ b z``

    with ``z = b`` (least squares), or, where the expression is known from elsewhere, with ``z`` what it predicts of b
    on held-out frames: an instrument. The first takes the tracker's noise for expression, the second does not.

    Parameters
    ----------
    registered, plain : keypoint table or array of shape (n_frames, 2K)
        With and without frontalization, both measured by one ruler: after affine registration or after
        `level_by_eyes`. Where the true frontal faces are known, they may stand for `plain`.
    pose, within
        As in `steady_frames`.
    expression : DataFrame or array of shape (n_frames, n_units), optional
        Intensities from a source other than these keypoints.

    Returns
    -------
    Mapping
        1: as large as without frontalization, which is itself not the truth where the head is tilted: multiply by
        `plain_gains` of that tilt. NaN for a length of which expression tells less than 15 % (cross-validated R²).

    Raises
    ------
    DfecsError
        If there are fewer than ten complete steady frames.
    """
    after, before = (mouth_and_brow_measures(v).to_numpy() for v in (registered, plain))
    names = mouth_and_brow_measures(registered).columns
    angles = np.asarray(pose, dtype=np.float64)
    used = steady_frames(angles, within=within) & np.isfinite(after + before).all(axis=1)
    units = None if expression is None else np.asarray(expression, dtype=np.float64)
    if units is not None:
        used &= np.isfinite(units).all(axis=1)
    if used.sum() < 2 * _FOLDS:
        raise DfecsError(f"ranges kept: only {used.sum()} complete steady frames, at least {2 * _FOLDS} are needed")
    quadratic = PolynomialFeatures(2).fit_transform(angles[used] - angles[used].mean(axis=0))
    basis, _ = np.linalg.qr(quadratic)
    after, before = (v[used] - basis @ (basis.T @ v[used]) for v in (after, before))
    told = before if units is None else _predicted(before, units[used] - basis @ (basis.T @ units[used]))
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = (after * told).sum(axis=0) / (before * told).sum(axis=0)
    return dict(zip(map(str, names), map(float, slope), strict=True))


def ranges_kept_by_eyes(
    frontal: pd.DataFrame | ArrayLike,
    seen: pd.DataFrame | ArrayLike,
    pose: pd.DataFrame | ArrayLike,
    *,
    within: float,
    expression: pd.DataFrame | ArrayLike | None = None,
) -> Mapping[str, float]:
    """Return the share of each length's true range that a frontalization shows, where the head is steady.

    `ranges_kept` of faces that `level_by_eyes` has scaled, times `plain_gains` (ruler "eyes") of the median pose of the
    steady frames: the face as seen stands for the truth once its foreshortening is set right.

    Parameters
    ----------
    frontal, seen : keypoint table or array of shape (n_frames, 2K)
        After frontalization and as tracked, neither registered.
    pose : DataFrame or array of shape (n_frames, 2 or more)
        Pitch and yaw in degrees, signs as in `plain_gains`, from a source other than the frontalizer.
    within, expression
        As in `ranges_kept`.

    Returns
    -------
    Mapping
        1 for a true frontal face; NaN as in `ranges_kept`.

    Notes
    -----
    What the other source misses of the pose stays in the face as seen. A length that goes with it seems larger there
    than it is, and what a frontalization rightly takes off counts as lost: the measure errs to the strict side.
    """
    angles = np.asarray(pose, dtype=np.float64)
    kept = ranges_kept(level_by_eyes(frontal), level_by_eyes(seen), angles, within=within, expression=expression)
    pitch, yaw = np.median(angles[steady_frames(angles, within=within), :2], axis=0)
    gains = plain_gains(float(pitch), float(yaw), ruler="eyes")
    return {name: value * gains[name] for name, value in kept.items()}


def _predicted(lengths: Array, units: Array) -> Array:
    """Return what `units` tell of the lengths on held-out frames; NaN where that is too little."""
    sd = units.std(axis=0)
    units = units[:, sd > 1e-9] / sd[sd > 1e-9]
    if not units.shape[1]:
        return np.full_like(lengths, np.nan)
    told = np.stack([cross_val_predict(RidgeCV(_RIDGE), units, y, cv=KFold(_FOLDS)) for y in lengths.T], axis=1)
    rest = ((lengths - told) ** 2).sum(axis=0)
    return np.where(rest < (1 - _TELLING) * (lengths**2).sum(axis=0), told, np.nan)
