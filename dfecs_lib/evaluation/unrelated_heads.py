"""Heads that are no relatives of the one that frontalization fits: solid landmarks of OpenFace files, turned anew.

OpenFace fits its own point distribution model, learned from other people by other means. Its solid landmarks are
brought to the front by the pose in the file; that is the truth. Turned by known angles and seen by a camera they are
what a frontalization gets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import make_table

__all__ = ["paired_tables", "read_solids", "turned_solids"]

_AXES = ("X", "Y", "Z")
_POSE = ["pose_Rx", "pose_Ry", "pose_Rz"]
#: Of the camera, millimetres and pixels.
_DISTANCE, _FOCAL = 1000.0, 1500.0


def read_solids(files: Iterable[Path], per_file: int = 10) -> dict[str, NDArray[np.float64]]:
    """Read solid landmarks of OpenFace files, brought to the front: x to the right, y down, z away; millimetres.

    Parameters
    ----------
    files : iterable of Path
        With ``X_0 … Z_67`` and ``pose_Rx, pose_Ry, pose_Rz`` in radians.
    per_file : int
        Frames of each, spread evenly over those with a face.

    Returns
    -------
    dict of file name -> array of shape (n_frames, 68, 3)
        Centred.

    Raises
    ------
    DfecsError
        For a file without these columns.
    """
    found = {}
    columns = [f"{axis}_{k}" for axis in _AXES for k in range(68)]
    for file in files:
        table = pd.read_csv(file, skipinitialspace=True)
        lacking = [name for name in (*columns, *_POSE) if name not in table]
        if lacking:
            raise DfecsError(f"{file} has no column {lacking[0]}; solid landmarks and pose are OpenFace's -3Dfp -pose")
        seen = table[table["success"] == 1] if "success" in table else table
        some = seen.iloc[np.linspace(0, len(seen) - 1, min(per_file, len(seen))).astype(int)]
        points = some[columns].to_numpy(dtype=np.float64).reshape(-1, 3, 68).swapaxes(1, 2)
        points = points - points.mean(axis=1, keepdims=True)
        back = Rotation.from_euler("XYZ", some[_POSE].to_numpy(dtype=np.float64)).inv().as_matrix()
        found[file.name] = np.einsum("nij,nkj->nki", back, points)
    return found


def turned_solids(
    solids: dict[str, NDArray[np.float64]], *, yaw: float = 30.0, pitch: float = 20.0, random_state: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Turn solid faces by random angles and look at them from a metre away, without error.

    Parameters
    ----------
    solids : dict of name -> array of shape (n_frames, 68, 3)
        As `read_solids` gives them.
    yaw, pitch : float
        Largest angles in degrees, drawn uniformly; roll is a third of yaw at most.
    random_state : int

    Returns
    -------
    keypoints, frontal : keypoint table
        As seen, in pixels, and as they are from the front, in millimetres; for `frontality.frontal_error`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> seen, frontal = turned_solids({"a": 50 * rng.normal(size=(2, 68, 3))}, yaw=0, pitch=0)
    >>> seen.shape, frontal.shape
    ((2, 136), (2, 136))
    """
    rng = np.random.default_rng(random_state)
    views = {}
    for name, faces in solids.items():
        angles = rng.uniform(-1, 1, (len(faces), 3)) * [yaw, pitch, yaw / 3]
        turn = Rotation.from_euler("YXZ", angles, degrees=True).as_matrix()
        placed = np.einsum("nij,nkj->nki", turn, faces) + np.array([0, 0, _DISTANCE])
        pixels = _FOCAL * placed[..., :2] / placed[..., 2:] + [320, 240]
        views[name] = pixels, faces[..., :2]
    return paired_tables(views, "turned", {"operation": "turned_solids", "random_state": random_state})


def paired_tables(
    views: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]], dataset: str, step: dict[str, object]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return each subject's faces (n_frames, 68, 2) as seen, and as they are from the front, as two keypoint tables.

    Parameters
    ----------
    views : mapping of subject to two arrays of shape (n_frames, 68, 2)
    dataset : str
    step : dict
        What the tables' history says of their making.
    """

    def table(which: int) -> pd.DataFrame:
        parts = [
            make_table(pair[which], scheme="ibug68", frames=range(len(pair[which])), dataset=dataset, subject=subject)
            for subject, pair in views.items()
        ]
        whole = pd.concat(parts)
        whole.attrs = {"scheme": "ibug68", "history": [dict(step)]}
        return whole

    return table(0), table(1)
