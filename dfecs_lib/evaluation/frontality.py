"""How well a preprocessing removes head pose, and how much expression it keeps."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import scheme_of, to_points

__all__ = ["MEASURES", "expression_kept", "expression_measures", "frontal_error", "head_pose", "pose_leakage"]

_Rows = NDArray[np.float64]
#: Distances that expression changes: pairs of iBUG-68 points.
MEASURES = {"mouth width": (48, 54), "mouth opening": (51, 57), "brow height": (19, 37)}
_EYES = (36, 45)


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

    Parameters
    ----------
    registered : keypoint table
        After preprocessing.
    pose : DataFrame
        Yaw, pitch (and roll) of the same frames, any unit.
    n_splits : int
        Folds, contiguous in time within the table.

    Raises
    ------
    DfecsError
        If too few frames are complete.
    """
    complete = np.isfinite(registered.to_numpy()).all(axis=1) & np.isfinite(pose.to_numpy()).all(axis=1)
    values, angles = registered.to_numpy()[complete], pose.to_numpy()[complete]
    if len(values) < 10 * n_splits:
        raise DfecsError(f"{len(values)} complete frames are too few for {n_splits} folds")
    varying = values[:, values.std(axis=0) > 1e-6]
    angles = (angles - angles.mean(axis=0)) / np.maximum(angles.std(axis=0), 1e-9)
    design = np.concatenate([np.ones((len(angles), 1)), angles, angles**2], axis=1)
    left = total = 0.0
    for fold in np.array_split(np.arange(len(values)), n_splits):
        train = np.setdiff1d(np.arange(len(values)), fold)
        ridge = design[train].T @ design[train] + 1e-3 * len(train) * np.eye(design.shape[1])
        weights = np.linalg.solve(ridge, design[train].T @ varying[train])
        left += float(((varying[fold] - design[fold] @ weights) ** 2).sum())
        total += float(((varying[fold] - varying[train].mean(axis=0)) ** 2).sum())
    return max(0.0, 1.0 - left / total)


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
        One row a measure of `MEASURES`: ``kept``, spread (standard deviation) after over spread in the reference, each in
        its own mean size; ``r2``, squared correlation.
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
