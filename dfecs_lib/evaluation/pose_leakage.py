"""How well a preprocessing does: pose that is left, and error where the truth is known.

All measures take registered faces (after affine registration; part registration may follow), px in the 800-px frame.
What is kept is in `preprocessing.expression` and, length by length, in `preprocessing.ranges`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import Scheme, scheme_of

__all__ = [
    "FIXED_POINTS",
    "controlled_leakage",
    "free_columns",
    "frontal_error",
    "pose_leakage",
    "pose_share",
]

#: Points that registration holds fixed: their motion is zero by construction and they are never counted.
FIXED_POINTS = (0, 16, 27, 33, 36, 39, 42, 45)
_EYES = 600.0  # px between the outer corners of the eyes in the registered frame: the unit of errors
_FOLDS = 5
_BLOCKS, _BLOCK = 10, 10  # folds of neighbouring frames, which are alike and so held out together
# 15 strengths of ridge, in units of the mean variance of the columns.
RIDGE = np.logspace(-4, 3, 15)
Array = NDArray[np.float64]


def free_columns(scheme: Scheme) -> NDArray[np.intp]:
    """Return the columns of the points that registration does not hold fixed (and that have an iBUG number)."""
    kept = np.array([scheme.position(i) for i in scheme.ibug if i not in FIXED_POINTS], dtype=np.intp)
    return np.concatenate([kept, scheme.n_points + kept])


def complete_rows(
    registered: pd.DataFrame | ArrayLike, other: pd.DataFrame | ArrayLike, what: str
) -> tuple[Array, Array]:
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


def _with_controls(
    registered: pd.DataFrame | ArrayLike,
    pose: pd.DataFrame | ArrayLike,
    expression: pd.DataFrame | ArrayLike,
    what: str,
) -> tuple[Array, Array, Array]:
    """Return faces as `complete_rows` does, and the standardized angles and intensities of the same frames."""
    angles, units = (np.asarray(v, dtype=np.float64) for v in (pose, expression))
    if angles.ndim != 2 or units.ndim != 2 or len(angles) != len(units):
        raise DfecsError(f"{what}: pose and expression need one row a face, not shapes {angles.shape}, {units.shape}")
    faces, both = complete_rows(registered, np.concatenate([angles, units], axis=1), what)
    return faces, _standard(both[:, : angles.shape[1]]), _standard(both[:, angles.shape[1] :])


def _pose_model() -> object:
    return make_pipeline(StandardScaler(), PolynomialFeatures(2), LinearRegression())


def held_out(model: object, X: Array, y: Array, random_state: int) -> Array:
    folds = KFold(_FOLDS, shuffle=True, random_state=random_state)
    return np.asarray(cross_val_predict(model, X, y, cv=folds)).reshape(y.shape)


def pose_leakage(
    registered: pd.DataFrame | ArrayLike, pose: pd.DataFrame | ArrayLike, *, random_state: int = 0
) -> float:
    """Return how much of the registered faces the head's pose predicts: cross-validated R² of one recording.

    ``1 − Σ (y − ŷ)² / Σ (y − ȳ)²`` over all free coordinates; ŷ from a quadratic regression on the angles, five
    shuffled folds. Real faces do smile as they turn, so that a perfect frontalization does not give zero: where the
    expression is known from elsewhere, use `controlled_leakage`.

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
    faces, angles = complete_rows(registered, pose, "pose leakage")
    faces = faces - faces.mean(axis=0)
    rest = faces - held_out(_pose_model(), angles, faces, random_state)
    return float(1 - (rest**2).sum() / (faces**2).sum())


def controlled_leakage(
    registered: pd.DataFrame | ArrayLike, pose: pd.DataFrame | ArrayLike, expression: pd.DataFrame | ArrayLike
) -> float:
    """Return how much of the registered faces the head's pose predicts *beyond* expression: semi-partial R².

    People smile as they turn, so that even true frontal faces are predicted by pose (`pose_leakage`). Here both the
    faces y and the quadratic q of the angles first lose what the expression c predicts, and only then is pose asked:

    ``L = [Σ r² − Σ (r − q̃ B)²] / Σ (y − ȳ)²,  r = y − ŷ(c),  q̃ = q − q̂(c)``

    All three regressions are ridge, their strength chosen within the training folds; the sums run over frames held
    out in blocks of ten neighbours, ten folds. L is, as an R², a share of all motion of the free points.

    Parameters
    ----------
    registered : keypoint table or array of shape (n_frames, 2K)
        One recording, or one subject, in the order of time.
    pose : DataFrame or array of shape (n_frames, n_angles)
        Pitch, yaw and roll from a source other than the frontalizer, in any unit.
    expression : DataFrame or array of shape (n_frames, n_units)
        Intensities of action units or blendshapes from a source other than these keypoints.

    Returns
    -------
    float
        At most 1; about 0 (or a little below) where pose predicts nothing beyond expression, as for true frontal faces.

    Raises
    ------
    DfecsError
        If the rows do not match or too few are complete.

    Notes
    -----
    Partialling out with cross-fitting follows P. M. Robinson, "Root-N-consistent semiparametric regression",
    Econometrica 56 (1988). Expression that the intensities miss, or tell with error, and that goes with the pose, is
    still counted as leakage: the measure errs to the strict side. Expression that an intensity mistakes for pose is not
    counted at all, so that intensities from the very same keypoints make any method look good.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> smile = rng.normal(size=(400, 1))
    >>> pose = smile + 0.3 * rng.normal(size=(400, 3))  # the head turns with the smile
    >>> faces = smile * np.linspace(-1, 1, 136) + 0.1 * rng.normal(size=(400, 136))  # and no face shows the turn
    >>> bool(pose_leakage(faces, pose) > 0.8), bool(abs(controlled_leakage(faces, pose, smile)) < 0.01)
    (True, True)
    """
    faces, angles, units = _with_controls(registered, pose, expression, "controlled leakage")
    faces = faces - faces.mean(axis=0)
    quadratic = _standard(PolynomialFeatures(2, include_bias=False).fit_transform(angles))
    fold = np.arange(len(faces)) // max(1, min(_BLOCK, len(faces) // (2 * _BLOCKS))) % _BLOCKS
    without = beside = 0.0
    for i in range(_BLOCKS):
        train, test = fold != i, fold == i
        rest, turn = (v - RidgeCV(RIDGE).fit(units[train], v[train]).predict(units) for v in (faces, quadratic))
        told = RidgeCV(RIDGE).fit(turn[train], rest[train]).predict(turn[test])
        without += float((rest[test] ** 2).sum())
        beside += float(((rest[test] - told) ** 2).sum())
    return (without - beside) / float((faces**2).sum())


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
    faces, angles, units = _with_controls(registered, pose, expression, "pose share")
    quadratic = PolynomialFeatures(2, include_bias=False).fit_transform(angles)
    n = len(faces)
    base, _ = np.linalg.qr(np.column_stack([np.ones(n), units]))
    own = quadratic - base @ (base.T @ quadratic)
    basis, _ = np.linalg.qr(own)
    from_pose = basis @ (basis.T @ faces)
    from_expression = base[:, 1:] @ (base[:, 1:].T @ (faces - faces.mean(axis=0)))
    rest = faces - base @ (base.T @ faces) - from_pose
    chance = (rest**2).sum() * basis.shape[1] / max(n - base.shape[1] - basis.shape[1], 1)
    return float(((from_pose**2).sum() - chance) / (from_expression**2).sum())


def _sd(values: Array) -> Array:
    sd = values.std(axis=0)
    return np.asarray(np.where(sd > 0, sd, 1.0))


def _standard(values: Array) -> Array:
    return np.asarray((values - values.mean(axis=0)) / _sd(values))


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
