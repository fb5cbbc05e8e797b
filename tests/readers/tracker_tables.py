"""Small files of tracked faces as tools, countries and spreadsheet programs write them, from real shapes of faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from dfecs_lib.head3d import load_head
from dfecs_lib.keypoints import IBUG68, from_points

XY = list(IBUG68.columns)


def faces(n: int = 12, *, centre: tuple[float, float] = (320.0, 240.0), size: float = 1.0, seed: int = 0) -> np.ndarray:
    """Points (n, 68, 2) of one person who opens the mouth and moves a little; tenths of pixels."""
    rng = np.random.default_rng(seed)
    points = np.repeat(load_head().mean[None, :, :2], n, axis=0) * 1.2 * size
    points[:, 48:68, 1] += 6 * size * np.sin(np.arange(n))[:, None] * (points[:, 48:68, 1] > points[:, 62:63, 1])
    return (points + np.array(centre) + rng.normal(0, 1, (n, 1, 2)) * size).round(1)


def openface_frame(points: np.ndarray, **columns: object) -> pd.DataFrame:
    """An OpenFace table of these faces."""
    n = len(points)
    data: dict[str, object] = {"frame": np.arange(1, n + 1), "face_id": 0, "timestamp": (np.arange(n) / 25).round(3)}
    data |= {"confidence": 0.98, "success": 1, "pose_Rx": 0.1, "pose_Ry": 0.2, "pose_Rz": 0.0}
    data |= dict(zip(XY, from_points(points).T, strict=True))
    data |= {"AU01_r": np.linspace(0, 5, n).round(2), "AU12_r": 0.5}
    return pd.DataFrame(data | columns)


def pyfeat_frame(points: np.ndarray, **columns: object) -> pd.DataFrame:
    """A Py-Feat table of these faces."""
    n = len(points)
    data: dict[str, object] = {"FaceRectWidth": 150.0, "FaceRectHeight": 160.0, "FaceScore": 0.99}
    data |= dict(zip(XY, from_points(points).T, strict=True))
    data |= {"Pitch": 0.2, "Roll": 0.0, "Yaw": -0.1, "AU12": 0.7, "input": "a/clip.mp4", "frame": np.arange(n)}
    return pd.DataFrame(data | columns)


def plain_frame(points: np.ndarray) -> pd.DataFrame:
    """A table of points alone."""
    return pd.DataFrame(from_points(points), columns=XY)


def write(path: Path, table: pd.DataFrame, **how: object) -> Path:
    """Write as CSV, as pandas does; `how` as for `DataFrame.to_csv`."""
    table.to_csv(path, index=False, **how)
    return path
