"""How well a preprocessing does: pose that is left, expression that is kept, error where the truth is known.

All measures take registered faces (after affine registration; part registration may follow), px in the 800-px frame.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import Scheme, scheme_of

__all__ = [
    "FIXED_POINTS",
    "expression_r2",
    "free_columns",
    "frontal_error",
    "mouth_and_brow_measures",
    "pose_leakage",
    "pose_share",
    "ranges_kept",
    "steady_frames",
]

#: Points that registration holds fixed: their motion is zero by construction and they are never counted.
FIXED_POINTS = (0, 16, 27, 33, 36, 39, 42, 45)
_EYES = 600.0  # px between the outer corners of the eyes in the registered frame: the unit of errors
_FOLDS = 5
# 15 strengths of ridge, in units of the mean variance of the columns.
_RIDGE = np.logspace(-4, 3, 15)
Array = NDArray[np.float64]


def free_columns(scheme: Scheme) -> NDArray[np.intp]:
    """Return the columns of the points that registration does not hold fixed (and that have an iBUG number)."""
    kept = np.array([scheme.position(i) for i in scheme.ibug if i not in FIXED_POINTS], dtype=np.intp)
    return np.concatenate([kept, scheme.n_points + kept])


def _common(registered: pd.DataFrame | ArrayLike, other: pd.DataFrame | ArrayLike, what: str) -> tuple[Array, Array]:
    """Return free columns of the registered faces and the other table, both without rows that lack something."""
    columns = free_columns(scheme_of(registered))
    faces = np.asarray(registered, dtype=np.float64)[:, columns]
    values = np.asarray(other, dtype=np.float64)
    if values.ndim != 2 or len(values) != len(faces):
        raise DfecsError(f"{what}: one row a face is needed, {len(faces)} rows, not an array of shape {values.shape}")
    faces = faces[:, np.isfinite(faces).any(axis=0)]
    used = np.isfinite(faces).all(axis=1) & np.isfinite(values).all(axis=1)
    if used.sum() < 2 * _FOLDS:
        raise DfecsError(f"{what}: only {used.sum()} complete frames, at least {2 * _FOLDS} are needed")
    return faces[used], values[used]


def _pose_model() -> object:
    return make_pipeline(StandardScaler(), PolynomialFeatures(2), LinearRegression())


def _cv(model: object, X: Array, y: Array, random_state: int) -> Array:
    folds = KFold(_FOLDS, shuffle=True, random_state=random_state)
    return np.asarray(cross_val_predict(model, X, y, cv=folds)).reshape(y.shape)


def pose_leakage(
    registered: pd.DataFrame | ArrayLike, pose: pd.DataFrame | ArrayLike, *, random_state: int = 0
) -> float:
    """Return how much of the registered faces the head's pose predicts: cross-validated R² of one recording.

    ``1 − Σ (y − ŷ)² / Σ (y − ȳ)²`` over all free coordinates; ŷ from a quadratic regression on the angles, five
    shuffled folds. Real faces do smile as they turn, so that a perfect frontalization does not give zero: compare
    methods on one recording, with `pose_share`, or with the truth of simulated faces.

    Parameters
    ----------
    registered : keypoint table or array of shape (n_frames, 2K)
        One recording, or one subject.
    pose : DataFrame or array of shape (n_frames, n_angles)
        Pitch, yaw and roll from a source other than the frontalizer, in any unit.
    random_state : int
        Seed of the folds.

    Returns
    -------
    float
        At most 1; below 0 where pose predicts nothing.

    Raises
    ------
    DfecsError
        If the rows do not match or too few are complete.

    Examples
    --------
    >>> pose = np.random.default_rng(0).normal(size=(200, 3))
    >>> bool(pose_leakage(pose[:, :1] * np.ones(136), pose) > 0.99)
    True
    """
    faces, angles = _common(registered, pose, "pose leakage")
    faces = faces - faces.mean(axis=0)
    rest = faces - _cv(_pose_model(), angles, faces, random_state)
    return float(1 - (rest**2).sum() / (faces**2).sum())


def pose_share(
    registered: pd.DataFrame | ArrayLike, pose: pd.DataFrame | ArrayLike, expression: pd.DataFrame | ArrayLike
) -> float:
    """Return the motion that pose explains beyond expression, as a share of the motion that expression explains.

    Coordinates are regressed on expression intensities and, beside them, on a quadratic of the angles. The share is
    the variance of the pose part that is orthogonal to expression (less what chance alone gives), over the variance of
    the expression part. Shrinking a face changes neither, so that a method cannot win by shrinking.

    Parameters
    ----------
    registered, pose
        As in `pose_leakage`.
    expression : DataFrame or array of shape (n_frames, n_units)
        Intensities of action units or blendshapes from a source other than these keypoints.

    Returns
    -------
    float
        0 is best.
    """
    other = np.concatenate([np.asarray(pose, dtype=np.float64), np.asarray(expression, dtype=np.float64)], axis=1)
    faces, values = _common(registered, other, "pose share")
    angles = np.asarray(pose).shape[1]
    e = values[:, :angles]
    quadratic = PolynomialFeatures(2, include_bias=False).fit_transform((e - e.mean(axis=0)) / _sd(e))
    units = values[:, angles:]
    n = len(faces)
    base, _ = np.linalg.qr(np.column_stack([np.ones(n), (units - units.mean(axis=0)) / _sd(units)]))
    own = quadratic - base @ (base.T @ quadratic)
    basis, _ = np.linalg.qr(own)
    from_pose = basis @ (basis.T @ faces)
    from_expression = base[:, 1:] @ (base[:, 1:].T @ (faces - faces.mean(axis=0)))
    rest = faces - base @ (base.T @ faces) - from_pose
    chance = (rest**2).sum() * basis.shape[1] / max(n - base.shape[1] - basis.shape[1], 1)
    return float(((from_pose**2).sum() - chance) / (from_expression**2).sum())


def expression_r2(
    registered: pd.DataFrame | ArrayLike,
    expression: pd.DataFrame | ArrayLike,
    *,
    variance: float | None = None,
    random_state: int = 0,
) -> float:
    """Return how well the registered faces tell the expression: cross-validated R², averaged over the units.

    Ridge regression of the units (each scaled to unit variance; constant ones left out) on the free coordinates in
    px, strength chosen by leave-one-out within the training folds, five shuffled folds.

    Parameters
    ----------
    registered : keypoint table or array of shape (n_frames, 2K)
        One recording, or one subject.
    expression : DataFrame or array of shape (n_frames, n_units)
        Intensities from a source other than these keypoints.
    variance : float in (0, 1), optional
        Look only at the principal components that make up this share of the motion: expression that stands out, as it
        must for a model that explains motion. Without it the regression may dig out, and free from pose, what is small.
    random_state : int
        Seed of the folds.
    """
    faces, units = _common(registered, expression, "expression R²")
    units = units[:, units.std(axis=0) > 0]
    if not units.shape[1]:
        raise DfecsError("expression R²: every unit is constant")
    y = (units - units.mean(axis=0)) / units.std(axis=0)
    scale = np.sqrt(((faces - faces.mean(axis=0)) ** 2).mean())
    model = RidgeCV(_RIDGE)
    if variance is not None:
        model = make_pipeline(PCA(variance, svd_solver="full"), StandardScaler(), model)
    rest = y - _cv(model, faces / scale, y, random_state)
    return float(1 - (rest**2).sum() / (y**2).sum())


def _sd(values: Array) -> Array:
    sd = values.std(axis=0)
    return np.asarray(np.where(sd > 0, sd, 1.0))


def mouth_and_brow_measures(registered: pd.DataFrame | ArrayLike) -> pd.DataFrame:
    """Return five lengths of every face, px, after affine registration.

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


def ranges_kept(
    registered: pd.DataFrame | ArrayLike,
    plain: pd.DataFrame | ArrayLike,
    pose: pd.DataFrame | ArrayLike,
    *,
    within: float,
) -> Mapping[str, float]:
    """Return, for each measure, its size after a frontalization over its size without, where the head is steady.

    While the head keeps still, faces need no frontalization, and a good one changes no expression. In those frames
    (`steady_frames`) each measure is freed of what a quadratic of the angles still explains; the ratio is the slope of
    the frontalized measure on the plain one. 1 is perfect; below, expression is shrunk.

    Parameters
    ----------
    registered, plain : keypoint table or array of shape (n_frames, 2K)
        With and without frontalization, both after affine registration.
    pose, within
        As in `steady_frames`.
    """
    after, before = (mouth_and_brow_measures(v).to_numpy() for v in (registered, plain))
    angles = np.asarray(pose, dtype=np.float64)
    used = steady_frames(angles, within=within) & np.isfinite(after + before).all(axis=1)
    quadratic = PolynomialFeatures(2).fit_transform(angles[used] - angles[used].mean(axis=0))
    basis, _ = np.linalg.qr(quadratic)
    after, before = (v[used] - basis @ (basis.T @ v[used]) for v in (after, before))
    names = mouth_and_brow_measures(registered).columns
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = (after * before).sum(axis=0) / (before**2).sum(axis=0)
    return dict(zip(map(str, names), map(float, slope), strict=True))


def frontal_error(
    registered: pd.DataFrame | ArrayLike, truth: pd.DataFrame | ArrayLike, groups: ArrayLike | None = None
) -> dict[str, float]:
    """Return the mean distance to the true frontal face, in % of the distance between the outer corners of the eyes.

    Parameters
    ----------
    registered, truth : keypoint table or array of shape (n_frames, 2K)
        Both registered in the same way; the truth is known for simulated faces only.
    groups : array-like of shape (n_frames,), optional
        Who each frame shows.

    Returns
    -------
    dict
        ``shape``: the mean over frames and free points; with groups also ``motion``: the same after each person's mean
        error is taken off, which is what keypoint motion suffers from.
    """
    columns = free_columns(scheme_of(registered))
    error = (np.asarray(registered, dtype=np.float64) - np.asarray(truth, dtype=np.float64))[:, columns]
    used = np.isfinite(error).all(axis=1)
    error = error[used]

    def mean(e: Array) -> float:
        return float(np.sqrt((e.reshape(len(e), 2, -1) ** 2).sum(axis=1)).mean() / _EYES * 100)

    result = {"shape": mean(error)}
    if groups is not None:
        person = pd.factorize(np.asarray(groups)[used])[0]
        means = np.stack([error[person == p].mean(axis=0) for p in range(person.max() + 1)])
        result["motion"] = mean(error - means[person])
    return result
