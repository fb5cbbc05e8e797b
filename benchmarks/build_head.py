"""Make ``head3d.json`` anew: ``python benchmarks/build_head.py [--mesh canonical_face_model.obj]``.

Without a mesh the mean face is kept and only the modes are made again. The mesh is MediaPipe's canonical face model
(repository google/mediapipe, ``mediapipe/modules/face_geometry/data/canonical_face_model.obj``, Apache License 2.0).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import LinearNDInterpolator

from dfecs_lib.keypoints.schemes import IBUG68, MEDIAPIPE478
from dfecs_lib.simulate.action_units import CHANNELS, Face
from dfecs_lib.simulate.identity import SPREADS, identity_modes

__all__ = ["expression_modes", "head_file", "mean_from_mesh"]

SOURCES = {
    "mean": (
        "Vertices of MediaPipe's canonical face model (google/mediapipe, mediapipe/modules/face_geometry/data/"
        "canonical_face_model.obj), Apache License 2.0. Changed: centimetres to millimetres, axes turned (y down, z "
        "away from the camera), brows, nose wings, eyelids, lips and jaw line moved to where 68-point trackers put "
        "them, lips closed, made symmetric."
    ),
    "identity": "Smooth fields of this project; spreads from published anthropometry (dfecs_lib.simulate.identity).",
    "expression": "Muscle model of this project after Waters (SIGGRAPH 1987), at intensity 5 on the mean face.",
}

# Frontal positions (mm) at which 68-point trackers put the points for which the mesh has no vertex of the same meaning;
# right half and midline, read off real frontal tracks laid on the mesh by eyes and nose. Depth comes from the mesh.
_TRACKED = {
    **{17: (-59.5, -42.0), 18: (-50.5, -51.0), 19: (-38.5, -54.8), 20: (-24.5, -53.8), 21: (-11.5, -49.5)},
    **{27: (0.0, -31.0), 28: (0.0, -19.0), 29: (0.0, -7.0), 30: (0.0, 4.6)},
    **{31: (-13.2, 16.0), 32: (-6.8, 19.3), 33: (0.0, 20.9)},
}
_LID_Y = {37: -31.0, 38: -31.0, 40: -22.6, 41: -22.7}
_LIP_GAP = 1.0  # between the closed inner lips
_LIP_WIDENING = 1.04
# The canonical rim lies behind the cheek contour that a tracker follows in a frontal picture.
_JAW_FORWARD = 9.0


def _even(curve: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Points at even distances, seen from the front, along a curve of shape (n, 3)."""
    step = np.linalg.norm(np.diff(curve[:, :2], axis=0), axis=1)
    at = np.r_[0.0, np.cumsum(step)]
    where = np.linspace(0.0, at[-1], count)
    return np.stack([np.interp(where, at, curve[:, axis]) for axis in range(3)], axis=1)


def mean_from_mesh(obj: str) -> NDArray[np.float64]:
    """Return the mean head (68, 3) from the text of the canonical face model."""
    lines = (line.split() for line in obj.splitlines() if line.startswith("v "))
    vertices = 10.0 * np.array([[float(v) for v in line[1:4]] for line in lines]) * [1.0, -1.0, -1.0]
    depth = LinearNDInterpolator(vertices[:, :2], vertices[:, 2])
    head = vertices[list(MEDIAPIPE478.source)].copy()
    for point, (x, y) in _TRACKED.items():
        head[point] = x, y, depth(np.array([[x, y]]))[0]
    for point, y in _LID_Y.items():
        head[point, 1] = y
    middle = 0.5 * (head[62, 1] + head[66, 1])
    for points, gap in ((range(61, 64), -_LIP_GAP / 2), (range(65, 68), _LIP_GAP / 2)):
        head[points, 1] = middle + gap + 0.35 * (head[points, 1] - head[points, 1].mean())
    head[60, 1] = middle
    head[48:68, 0] *= _LIP_WIDENING
    head[:9] = _even(head[:9], 9)
    head[:9, 2] -= _JAW_FORWARD * np.clip(1.5 - np.arange(9) / 4.0, 0.0, 1.0)
    mirrored = head[IBUG68.mirror] * [-1.0, 1.0, 1.0]
    right = np.array([min(k, int(m)) == k for k, m in enumerate(IBUG68.mirror)])
    head = np.where(right[:, None], head, mirrored)
    head[IBUG68.mirror == np.arange(68), 0] = 0.0
    return np.round(head, 2)


def expression_modes(mean: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return the displacement (68, 3) of each action at intensity 5, by names such as ``"AU12R"``."""
    moved = Face(mean).express(5.0 * np.eye(len(CHANNELS))) - mean
    return {f"AU{au:02d}{side}": field for (au, side), field in zip(CHANNELS, moved, strict=True)}


def head_file(mean: NDArray[np.float64]) -> str:
    """Return the text of ``head3d.json``."""

    def rows(values: NDArray[np.float64]) -> list[float]:
        return [round(float(v), 2) + 0.0 for v in np.ravel(values)]

    content = {
        "sources": SOURCES,
        "spreads": {name: f"{s.sd} mm: {s.source}" for name, s in SPREADS.items()},
        "units": "mm; x image right, y down, z away from the camera; 68 points of x, y, z",
        "mean": rows(mean),
        "identity": {name: rows(mode) for name, mode in identity_modes(mean).items()},
        "expression": {name: rows(mode) for name, mode in expression_modes(mean).items()},
    }
    text = json.dumps(content, indent=1)
    return text.replace(",\n   ", ", ").replace(",\n  ", ", ") + "\n"


def main() -> None:
    """Write the file beside `dfecs_lib.anatomy.head`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mesh", type=Path, help="canonical_face_model.obj; without it the mean face is kept")
    mesh = parser.parse_args().mesh
    target = Path(__file__).parents[1] / "dfecs_lib" / "anatomy" / "head3d.json"
    if mesh is None:
        mean = np.array(json.loads(target.read_text(encoding="utf-8"))["mean"]).reshape(68, 3)
    else:
        mean = mean_from_mesh(mesh.read_text(encoding="utf-8"))
    target.write_text(head_file(mean), encoding="utf-8")


if __name__ == "__main__":
    main()
