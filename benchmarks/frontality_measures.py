"""Measures of a frontalization that its benchmark alone needs: ranges kept, expression told, pose against expression.

A real face as tracked is no perfect measure of what a frontalization keeps. A head that keeps still may be tilted all
the while; `dfecs_lib.evaluation.lengths.plain_gains` says what that does. And a length as tracked holds the tracker's
noise, which a frontalization may rightly lower: a range can be asked only of what an independent measure of expression
explains.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.frontality import RIDGE, complete_rows, standardized
from dfecs_lib.evaluation.lengths import face_lengths, level_by_eyes, plain_gains
from dfecs_lib.keypoints import coordinates, scheme_of
from dfecs_lib.preprocessing.anchors import free_columns

Array = NDArray[np.float64]
LEAST_R2 = 0.15  # below this cross-validated R², expression does not explain enough of a length to judge its range
FOLDS = 5
LENGTH_RIDGE = np.logspace(-1, 4, 11)
BLOCKS = 20  # stretches of neighbouring frames, which are alike: their means are the sample of a standard error
EYES = 600.0  # px between the outer corners of the eyes in the registered frame


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
    after, before = (face_lengths(v).to_numpy() for v in (registered, plain))
    names = face_lengths(registered).columns
    angles = np.asarray(pose, dtype=np.float64)
    used = steady_frames(angles, within=within) & np.isfinite(after + before).all(axis=1)
    units = None if expression is None else np.asarray(expression, dtype=np.float64)
    if units is not None:
        used &= np.isfinite(units).all(axis=1)
    if used.sum() < 2 * FOLDS:
        raise DfecsError(f"ranges kept: only {used.sum()} complete steady frames, at least {2 * FOLDS} are needed")
    quadratic = PolynomialFeatures(2).fit_transform(angles[used] - angles[used].mean(axis=0))
    basis, _ = np.linalg.qr(quadratic)
    after, before = (v[used] - basis @ (basis.T @ v[used]) for v in (after, before))
    predicted = before if units is None else _predicted(before, units[used] - basis @ (basis.T @ units[used]))
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = (after * predicted).sum(axis=0) / (before * predicted).sum(axis=0)
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
    predicted = np.stack(
        [cross_val_predict(RidgeCV(LENGTH_RIDGE), units, y, cv=KFold(FOLDS)) for y in lengths.T], axis=1
    )
    rest = ((lengths - predicted) ** 2).sum(axis=0)
    return np.where(rest < (1 - LEAST_R2) * (lengths**2).sum(axis=0), predicted, np.nan)


def _losses(faces: Array, units: Array, components: float | None, random_state: int) -> Array:
    """Return each frame's unexplained share: the mean over frames is 1 − R²."""
    units = units[:, units.std(axis=0) > 0]
    if not units.shape[1]:
        raise DfecsError("expression R²: every unit is constant")
    y = (units - units.mean(axis=0)) / units.std(axis=0)
    scale = np.sqrt(((faces - faces.mean(axis=0)) ** 2).mean())
    model = RidgeCV(RIDGE)
    if components is not None:
        model = make_pipeline(PCA(components, svd_solver="full"), StandardScaler(), model)
    folds = KFold(FOLDS, shuffle=True, random_state=random_state)
    rest = y - np.asarray(cross_val_predict(model, faces / scale, y, cv=folds)).reshape(y.shape)
    return np.asarray((rest**2).mean(axis=1) / (y**2).mean())


def expression_r2(
    registered: pd.DataFrame | ArrayLike,
    expression: pd.DataFrame | ArrayLike,
    *,
    components: float | None = None,
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
    components : int, or float in (0, 1), optional
        Look only at this number of principal components of the motion, or at those that make up this share of it:
        expression that stands out, as it must for a model that explains motion. Without it the regression may dig out,
        and free from pose, what is small. Compare methods at a number: a method that leaves more noise in the faces
        needs more components for the same share, and its faces only seem to tell more.
    random_state : int
        Seed of the folds.
    """
    faces, units = complete_rows(registered, expression, what="expression R²")
    return 1 - float(_losses(faces, units, components, random_state).mean())


def expression_r2_difference(
    registered: pd.DataFrame | ArrayLike,
    rival: pd.DataFrame | ArrayLike,
    expression: pd.DataFrame | ArrayLike,
    *,
    components: float | None = None,
    random_state: int = 0,
) -> tuple[float, float]:
    """Return `expression_r2` of one preprocessing's faces less that of another's, and its paired standard error.

    Both are judged on the same frames in the same folds. With d the difference of a frame's unexplained shares and d̄
    its mean in each of B = 20 stretches of neighbouring frames (fewer in a recording of less than 40),

    ``standard error = sd(d̄_1 … d̄_B) / √B``

    Parameters
    ----------
    registered, rival : keypoint table or array of shape (n_frames, 2K)
        One recording, in the order of time.
    expression, components, random_state
        As in `expression_r2`.

    Returns
    -------
    difference, standard_error : float
        The error is of these frames: how much another stretch of the same recording could differ.

    Examples
    --------
    >>> smile = np.random.default_rng(0).normal(size=(200, 1))
    >>> faces = smile * np.ones(136)
    >>> expression_r2_difference(faces, faces, smile)
    (0.0, 0.0)
    """
    units = np.array(expression, dtype=np.float64)
    for table in (registered, rival):  # a frame that one of them lacks counts in neither
        faces = coordinates(table)[:, free_columns(scheme_of(table))]
        if len(faces) == len(units):
            units[~np.isfinite(faces[:, np.isfinite(faces).any(axis=0)]).all(axis=1)] = np.nan
    ours, theirs = (
        _losses(*complete_rows(table, units, what="expression R²"), components, random_state)
        for table in (registered, rival)
    )
    gain = theirs - ours
    means = np.array([part.mean() for part in np.array_split(gain, min(BLOCKS, len(gain) // 2))])
    return float(gain.mean()), float(means.std(ddof=1) / np.sqrt(len(means)))


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
    faces, angles, units = complete_rows(registered, pose, expression, what="pose share")
    angles, units = standardized(angles), standardized(units)
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


def registered_error(registered: Array, truth: Array, person: ArrayLike) -> dict[str, float]:
    """Mean distance of free points to the true registered face, % of the outer eye corners' distance.

    ``shape``: over frames and points; ``motion``: the same after each person's mean error is taken off, which is what
    keypoint motion suffers from.
    """
    error = (registered - truth)[:, free_columns(scheme_of(registered))]
    used = np.isfinite(error).all(axis=1)
    error = error[used]
    group = pd.factorize(np.asarray(person)[used])[0]
    means = np.stack([error[group == p].mean(axis=0) for p in range(group.max() + 1)])

    def mean(e: Array) -> float:
        return float(np.sqrt((e.reshape(len(e), 2, -1) ** 2).sum(axis=1)).mean() / EYES * 100)

    return {"shape": mean(error), "motion": mean(error - means[group])}
