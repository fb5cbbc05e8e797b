"""How well a preprocessing removes head pose, and how much expression it keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import scheme_of, to_points
from dfecs_lib.preprocessing import make_preprocessor

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

__all__ = [
    "MEASURES",
    "expression_kept",
    "expression_measures",
    "frontal_error",
    "head_pose",
    "leakage_beyond_expression",
    "pose_leakage",
    "posed_faces",
    "rivals",
]

_Rows = NDArray[np.float64]
#: Distances that expression changes: pairs of iBUG-68 points.
MEASURES = {"mouth width": (48, 54), "mouth opening": (51, 57), "brow height": (19, 37)}
_EYES = (36, 45)
# Neighbouring frames are alike: they are held out together.
_BLOCK = 10


def _distance(points: _Rows, pair: tuple[int, int], table: pd.DataFrame) -> _Rows:
    a, b = scheme_of(table).positions(list(pair))
    return np.asarray(np.linalg.norm(points[:, a] - points[:, b], axis=1))


def expression_measures(table: pd.DataFrame) -> pd.DataFrame:
    """Return `MEASURES` of every frame, in percent of the outer eye corners' distance."""
    points = to_points(table)
    unit = _distance(points, _EYES, table)
    return pd.DataFrame({n: 100 * _distance(points, p, table) / unit for n, p in MEASURES.items()}, index=table.index)


def head_pose(table: pd.DataFrame) -> pd.DataFrame:
    """Estimate the head's yaw, pitch and roll in degrees from tracked keypoints; NaN where a frame has no face.

    The pose that `Frontalizer(method="pose")` finds, so that it needs no ground truth; its zero is the 3-D head's.
    """
    from dfecs_lib.preprocessing.pose import fit_frontal

    turn = fit_frontal(table.to_numpy(np.float64), scheme_of(table)).rotation
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
    ours, true = to_points(frontal), to_points(truth.loc[frontal.index])
    ours, true = ours - ours.mean(axis=1, keepdims=True), true - true.mean(axis=1, keepdims=True)
    # Planar similarity as one complex number: the least-squares factor from ours to true.
    a, b = ours[..., 0] + 1j * ours[..., 1], true[..., 0] + 1j * true[..., 1]
    with np.errstate(invalid="ignore"):
        factor = (a.conj() * b).sum(axis=1) / (np.abs(a) ** 2).sum(axis=1)
        error = np.sqrt((np.abs(factor[:, None] * a - b) ** 2).mean(axis=1))
    return pd.Series(100 * error / _distance(true, _EYES, truth), index=frontal.index)


def pose_leakage(registered: pd.DataFrame, pose: pd.DataFrame, n_splits: int = 5) -> float:
    """Return how much of the registered keypoints' variance head pose still predicts: cross-validated R², at least 0.

    Each recording's own mean is taken off first, so that faces do not count. The regression is ridge, on the angles and
    their squares.

    Parameters
    ----------
    registered : keypoint table
        After preprocessing.
    pose : DataFrame
        Yaw, pitch (and roll) of the same frames, any unit.
    n_splits : int
        Folds, made of blocks of frames in turn.

    Raises
    ------
    DfecsError
        If too few frames are complete.
    """
    complete = np.isfinite(registered.to_numpy()).all(axis=1) & np.isfinite(pose.to_numpy()).all(axis=1)
    values, angles = registered.to_numpy()[complete], pose.to_numpy()[complete]
    if len(values) < 10 * n_splits:
        raise DfecsError(f"{len(values)} complete frames are too few for {n_splits} folds")
    names = pd.MultiIndex.from_arrays([registered.index[complete].get_level_values(i) for i in range(3)])
    recording = names.factorize()[0]
    values, angles = _centred(values, recording), _centred(angles, recording)
    varying = values[:, values.std(axis=0) > 1e-6]
    angles = angles / np.maximum(angles.std(axis=0), 1e-9)
    design = np.concatenate([np.ones((len(angles), 1)), angles, angles**2], axis=1)
    left = total = 0.0
    fold_of = np.arange(len(values)) // _BLOCK % n_splits
    for k in range(n_splits):
        train, fold = np.flatnonzero(fold_of != k), np.flatnonzero(fold_of == k)
        ridge = design[train].T @ design[train] + 1e-3 * len(train) * np.eye(design.shape[1])
        weights = np.linalg.solve(ridge, design[train].T @ varying[train])
        left += float(((varying[fold] - design[fold] @ weights) ** 2).sum())
        total += float((varying[fold] ** 2).sum())
    return max(0.0, 1.0 - left / total)


def leakage_beyond_expression(registered: pd.DataFrame, pose: pd.DataFrame, intensities: pd.DataFrame) -> float:
    """Return the mean over subjects of `preprocessing.assessment.controlled_leakage`.

    What head pose tells of the registered keypoints once expression has been accounted for: true frontal faces show
    about none, however often people smile as they turn.

    Parameters
    ----------
    registered : keypoint table
        After preprocessing.
    pose, intensities : DataFrame
        Angles, and the intensities of action units, of the same frames, from a source other than these keypoints.
    """
    from dfecs_lib.evaluation.pose_leakage import controlled_leakage

    subjects = registered.index.get_level_values("subject")
    each = [
        controlled_leakage(registered[subjects == s], pose[subjects == s], intensities[subjects == s])
        for s in subjects.unique()
    ]
    return float(np.mean(each))


def _centred(values: _Rows, group: NDArray[np.intp]) -> _Rows:
    sums = np.zeros((group.max() + 1, values.shape[1]))
    np.add.at(sums, group, values)
    return np.asarray(values - (sums / np.bincount(group)[:, None])[group])


def expression_kept(registered: pd.DataFrame, reference: pd.DataFrame, frames: NDArray[np.bool_]) -> pd.DataFrame:
    """Compare expression after preprocessing with a reference, measure by measure.

    Parameters
    ----------
    registered : keypoint table
        After preprocessing.
    reference : keypoint table
        The true frontal faces, or the faces as tracked.
    frames : array of bool, shape (n_frames,)
        Frames that count; near-frontal ones where the reference is as tracked.

    Returns
    -------
    DataFrame
        One row a measure of `MEASURES`: ``kept``, spread (standard deviation) after over spread in the reference, each
        in its own mean size; ``r2``, squared correlation.
    """
    after, before = expression_measures(registered)[frames], expression_measures(reference)[frames]
    rows = {}
    for name in MEASURES:
        a, b = after[name].to_numpy(), before[name].to_numpy()
        seen = np.isfinite(a) & np.isfinite(b)
        a, b = a[seen], b[seen]
        rows[name] = {
            "kept": float((a.std() / a.mean()) / (b.std() / b.mean())),
            "r2": float(np.corrcoef(a, b)[0, 1] ** 2),
        }
    return pd.DataFrame(rows).T.rename_axis("measure")


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
    from dfecs_lib.keypoints import make_table
    from dfecs_lib.simulate.action_units import CHANNELS
    from dfecs_lib.simulate.observe import Camera, project
    from dfecs_lib.simulate.people import draw_person

    rng = np.random.default_rng(random_state)
    camera = Camera(width=640, height=480, distance=1000.0, scale=1.5)
    seen: list[pd.DataFrame] = []
    frontal: list[pd.DataFrame] = []
    poses = []
    for person in range(n_people):
        face = draw_person(f"P{person:03d}", random_state, "posed faces").face
        codes = rng.uniform(0, 4, (n_faces, len(CHANNELS))) * (rng.random((n_faces, len(CHANNELS))) < 0.12)
        shapes = face.express(codes)
        angles = rng.uniform(-1, 1, (n_faces, 3)) * [pitch, yaw, yaw / 3]
        place = np.tile([0.0, 0.0, camera.distance], (n_faces, 1))
        pixels = project(shapes, np.radians(angles), place, camera)
        for out, values in ((seen, pixels), (frontal, shapes[..., :2])):
            out.append(
                make_table(values, scheme="ibug68", frames=range(n_faces), dataset="posed", subject=f"P{person:03d}")
            )
        poses.append(pd.DataFrame(angles[:, [1, 0, 2]], index=seen[-1].index, columns=["yaw", "pitch", "roll"]))
    tables = [pd.concat(seen), pd.concat(frontal)]
    for table in tables:
        table.attrs = {"scheme": "ibug68", "history": [{"operation": "posed_faces", "random_state": random_state}]}
    return tables[0], tables[1], pd.concat(poses)
