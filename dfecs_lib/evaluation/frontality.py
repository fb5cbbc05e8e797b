"""How well a preprocessing removes head pose, and how much expression it keeps.

`pose_leakage` and `controlled_leakage` take registered faces; points that registration holds fixed count in neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.lengths import face_lengths, level_by_eyes
from dfecs_lib.evaluation.unrelated_heads import paired_tables
from dfecs_lib.keypoints import Scheme, coordinates, same_rows, scheme_of, to_points
from dfecs_lib.preprocessing import make_preprocessor
from dfecs_lib.preprocessing.anchors import free_columns
from dfecs_lib.preprocessing.pose import fit_frontal
from dfecs_lib.simulate.action_units import CHANNELS
from dfecs_lib.simulate.observe import Camera, project
from dfecs_lib.simulate.people import draw_person

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

__all__ = [
    "complete_rows",
    "controlled_leakage",
    "expression_kept",
    "frontal_error",
    "head_pose",
    "pose_leakage",
    "posed_faces",
    "rivals",
    "standardized",
]

Array = NDArray[np.float64]
#: 15 strengths of ridge, in units of the mean variance of the columns.
RIDGE = np.logspace(-4, 3, 15)
_FOLDS = 5
_BLOCK = 10  # neighbouring frames are alike and held out together, this many at most
Rows = pd.DataFrame | ArrayLike


def complete_rows(registered: Rows, *others: Rows, what: str) -> tuple[Array, ...]:
    """Return free columns of registered faces and the other tables, all without the rows that any of them lacks.

    Tables are matched by their rows' index, arrays by position; `what` begins the sentence of a refusal.
    """
    faces = coordinates(registered)[:, free_columns(scheme_of(registered))]
    out = [faces[:, np.isfinite(faces).any(axis=0)]]
    for other in others:
        if isinstance(registered, pd.DataFrame) and isinstance(other, pd.DataFrame):
            other = same_rows(other, registered.index, what)
        values = np.asarray(other, dtype=np.float64)
        if values.ndim != 2 or len(values) != len(faces):
            raise DfecsError(f"{what}: one row a face is needed, {len(faces)} rows, not shape {values.shape}")
        out.append(values)
    used = np.logical_and.reduce([np.isfinite(values).all(axis=1) for values in out])
    if used.sum() < 2 * _FOLDS:
        raise DfecsError(f"{what}: only {used.sum()} complete frames, at least {2 * _FOLDS} are needed")
    return tuple(values[used] for values in out)


def standardized(values: Array) -> Array:
    """Return columns of mean 0 and standard deviation 1; a constant column becomes 0."""
    return np.asarray(StandardScaler().fit_transform(values))


def _folds(n: int, n_folds: int) -> NDArray[np.intp]:
    """Number the folds of n frames: blocks of neighbours, in turn."""
    return np.arange(n) // max(1, min(_BLOCK, n // (2 * n_folds))) % n_folds


def pose_leakage(registered: Rows, pose: Rows) -> float:
    """Return how much of the registered faces the head's pose predicts: cross-validated R².

    ``1 − Σ (y − ŷ)² / Σ y²`` over all free coordinates y, each recording's own mean taken off, so that who is shown
    does not count; ŷ from a quadratic regression on the angles (less their own means), five folds of blocks of ten
    neighbouring frames. Real faces do smile as they turn, so that a perfect frontalization does not give zero: where
    the expression is known from elsewhere, use `controlled_leakage`.

    Parameters
    ----------
    registered : keypoint table or array of shape (n_frames, 2K)
        After preprocessing. An array is one recording, in the order of time.
    pose : DataFrame or array of shape (n_frames, n_angles)
        Yaw, pitch (and roll) of the same frames, from a source other than the frontalizer, in any unit.

    Returns
    -------
    float
        At most 1; 0, or a little below, where pose predicts nothing.

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
    groups: NDArray[np.int64] = np.zeros(len(coordinates(registered)), dtype=np.int64)
    if isinstance(registered, pd.DataFrame) and "recording" in registered.index.names:
        in_time = registered.sort_index()
        pose, registered = _rows(pose, registered, in_time), in_time
        groups = np.asarray(in_time.groupby(level=["dataset", "subject", "recording"]).ngroup(), dtype=np.int64)
    faces, angles, recording = complete_rows(registered, pose, groups[:, None], what="pose leakage")
    faces, angles = (v - pd.DataFrame(v).groupby(recording[:, 0]).transform("mean").to_numpy() for v in (faces, angles))
    fold, rest = _folds(len(faces), _FOLDS), 0.0
    for i in range(_FOLDS):
        model = make_pipeline(StandardScaler(), PolynomialFeatures(2), LinearRegression())
        rest += float(
            ((faces[fold == i] - model.fit(angles[fold != i], faces[fold != i]).predict(angles[fold == i])) ** 2).sum()
        )
    return 1 - rest / float((faces**2).sum())


def controlled_leakage(registered: Rows, pose: Rows, expression: Rows) -> float:
    """Return how much of the registered faces the head's pose predicts *beyond* expression: semi-partial R².

    People smile as they turn, so that even true frontal faces are predicted by pose (`pose_leakage`). Here both the
    faces y and the quadratic q of the angles first lose what the expression c predicts, and only then is pose asked:

    ``L = [Σ r² − Σ (r − q̃ B)²] / Σ (y − ȳ)²,  r = y − ŷ(c),  q̃ = q − q̂(c)``

    All three regressions are ridge, their strength chosen within the training folds; the sums run over frames held
    out in blocks of ten neighbours, ten folds. L is, as an R², a share of all motion of the free points. Of a table
    of several subjects, the mean over subjects.

    Parameters
    ----------
    registered : keypoint table or array of shape (n_frames, 2K)
        An array is one subject, in the order of time.
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
    if not isinstance(registered, pd.DataFrame) or "subject" not in registered.index.names:
        return _controlled(registered, pose, expression)
    people = registered.sort_index().groupby(level=["dataset", "subject"])
    return float(np.mean([_controlled(p, *(_rows(t, registered, p) for t in (pose, expression))) for _, p in people]))


def _rows(table: Rows, registered: pd.DataFrame, part: pd.DataFrame) -> Rows:
    """Return the rows of a table beside `registered`, matched by position where it has no index, that `part` holds."""
    if not isinstance(table, pd.DataFrame):
        table = pd.DataFrame(np.asarray(table), index=registered.index)
    return same_rows(table, part.index, "pose or expression")


def _controlled(registered: Rows, pose: Rows, expression: Rows) -> float:
    faces, angles, units = complete_rows(registered, pose, expression, what="controlled leakage")
    faces, units = faces - faces.mean(axis=0), standardized(units)
    quadratic = standardized(PolynomialFeatures(2, include_bias=False).fit_transform(standardized(angles)))
    fold, n_folds = _folds(len(faces), 2 * _FOLDS), 2 * _FOLDS
    without = beside = 0.0
    for i in range(n_folds):
        train, test = fold != i, fold == i
        rest, turn = (v - RidgeCV(RIDGE).fit(units[train], v[train]).predict(units) for v in (faces, quadratic))
        predicted = RidgeCV(RIDGE).fit(turn[train], rest[train]).predict(turn[test])
        without += float((rest[test] ** 2).sum())
        beside += float(((rest[test] - predicted) ** 2).sum())
    return (without - beside) / float((faces**2).sum())


def head_pose(table: pd.DataFrame) -> pd.DataFrame:
    """Estimate the head's yaw, pitch and roll in degrees from tracked keypoints; NaN where a frame has no face.

    The pose that `Frontalizer(method="pose")` finds, so that it needs no ground truth; its zero is the 3-D head's.
    """
    turn = fit_frontal(coordinates(table), scheme_of(table)).rotation
    yaw = np.degrees(np.arctan2(turn[:, 0, 2], np.hypot(turn[:, 0, 0], turn[:, 0, 1])))
    pitch = np.degrees(np.arctan2(-turn[:, 1, 2], turn[:, 2, 2]))
    roll = np.degrees(np.arctan2(-turn[:, 0, 1], turn[:, 0, 0]))
    return pd.DataFrame({"yaw": yaw, "pitch": pitch, "roll": roll}, index=table.index)


def frontal_error(frontal: pd.DataFrame, truth: pd.DataFrame) -> pd.Series[float]:
    """Return each frame's distance to the true frontal shape, in percent of the true outer eye corners' distance.

    Parameters
    ----------
    frontal, truth : keypoint table
        Of one scheme, the same frames. Size, place and tilt are taken off by the best similarity transform.

    Returns
    -------
    Series
        Root mean square over points; NaN for a frame with a missing point.
    """
    ours, true = to_points(frontal), to_points(same_rows(truth, frontal.index, "the true faces"))
    ours, true = ours - ours.mean(axis=1, keepdims=True), true - true.mean(axis=1, keepdims=True)
    # Planar similarity as one complex number: the least-squares factor from ours to true.
    a, b = ours[..., 0] + 1j * ours[..., 1], true[..., 0] + 1j * true[..., 1]
    with np.errstate(invalid="ignore"):
        factor = (a.conj() * b).sum(axis=1) / (np.abs(a) ** 2).sum(axis=1)
        error = np.sqrt((np.abs(factor[:, None] * a - b) ** 2).mean(axis=1))
    return pd.Series(100 * error / _eye_distance(true, scheme_of(truth)), index=frontal.index)


def _eye_distance(points: Array, scheme: Scheme) -> Array:
    right, left = scheme.positions((36, 45))
    return np.asarray(np.linalg.norm(points[:, right] - points[:, left], axis=1))


def expression_kept(faces: pd.DataFrame, reference: pd.DataFrame, frames: NDArray[np.bool_]) -> pd.DataFrame:
    """Compare expression after a frontalization with a reference, length by length.

    Parameters
    ----------
    faces : keypoint table
        After frontalization (or more).
    reference : keypoint table
        The same frames: the true frontal faces, or the faces as tracked.
    frames : array of bool, shape (n_frames,)
        Rows of `faces` that count; near-frontal ones where the reference is as tracked.

    Returns
    -------
    DataFrame
        One row a length of `face_lengths`, all measured by the eyes' distance (`level_by_eyes`): ``kept``, standard
        deviation after over standard deviation in the reference; ``r2``, squared correlation.
    """
    other = same_rows(reference, faces.index, "the reference")
    after, before = (face_lengths(level_by_eyes(table)).loc[frames] for table in (faces, other))
    both = after.notna() & before.notna()
    after, before = after.where(both), before.where(both)
    rows = {"kept": after.std() / before.std(), "r2": after.corrwith(before) ** 2}
    return pd.DataFrame(rows).rename_axis("measure")


def rivals(register: bool = True, *, weights: str | None = None) -> dict[str, Pipeline]:
    """Return the preprocessings to compare: none, the published weights where they are given, and ours.

    Parameters
    ----------
    register : bool
        Whether affine and part registration follow the frontalization.
    weights : str, optional
        Path of the published weights, as `dfecs_lib.evaluation.published_weights` finds them.
    """
    found = {"none": make_preprocessor(False, register, register)}
    if weights is not None:
        found["published weights"] = make_preprocessor(True, register, register, method="linear", weights=weights)
    return {**found, "3-D head": make_preprocessor(True, register, register)}


def posed_faces(
    n_people: int = 20, n_faces: int = 30, *, yaw: float = 30.0, pitch: float = 20.0, random_state: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Simulate faces in strong poses, seen without error by a camera a metre away.

    Parameters
    ----------
    n_people, n_faces : int
        People, and faces of each, with a few random action units.
    yaw, pitch : float
        Largest angles in degrees, drawn uniformly; roll is a third of yaw at most.
    random_state : int

    Returns
    -------
    keypoints, frontal : keypoint table
        As seen, in pixels, and as they are from the front, in millimetres.
    pose : DataFrame
        Yaw, pitch and roll in degrees.
    """
    rng = np.random.default_rng(random_state)
    camera = Camera(width=640, height=480, distance=1000.0, scale=1.5)
    views: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
    poses = []
    for person in range(n_people):
        face = draw_person(f"P{person:03d}", random_state, "posed faces").face
        codes = rng.uniform(0, 4, (n_faces, len(CHANNELS))) * (rng.random((n_faces, len(CHANNELS))) < 0.12)
        shapes = face.express(codes)
        angles = rng.uniform(-1, 1, (n_faces, 3)) * [pitch, yaw, yaw / 3]
        place = np.tile([0.0, 0.0, camera.distance], (n_faces, 1))
        pixels = project(shapes, np.radians(angles), place, camera)
        views[f"P{person:03d}"] = pixels, shapes[..., :2]
        poses.append(angles[:, [1, 0, 2]])
    step: dict[str, object] = {"operation": "posed_faces", "random_state": random_state}
    seen, frontal = paired_tables(views, "posed", step)
    return seen, frontal, pd.DataFrame(np.concatenate(poses), seen.index, ["yaw", "pitch", "roll"])
