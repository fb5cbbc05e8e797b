"""What the dense schemes, WFLW's 98 points and MediaPipe's mesh, consist of.

WFLW's order is that of W. Wu et al., "Look at boundary" (CVPR 2018): jaw line 0-32, right brow 33-41, left brow 42-50,
nose 51-59, eyes 60-67 and 68-75, lips 76-95, pupils 96 and 97. Parts and mirrored vertices of the mesh are in
``mesh478.json``, made by ``benchmarks/build_mesh.py``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

__all__ = ["MESH_FILE", "MESH_MIRROR", "MESH_OF_WFLW", "MESH_PARTS", "WFLW_IBUG", "WFLW_MIRROR", "WFLW_PARTS"]

MESH_FILE = Path(__file__).with_name("mesh478.json")

#: Position in WFLW-98 of each iBUG-68 point. WFLW divides a lid in four, iBUG in three: lids are the nearest points.
WFLW_IBUG = (
    *range(0, 33, 2),
    *range(33, 38),
    *range(42, 47),
    *range(51, 60),
    *(60, 61, 63, 64, 65, 67),
    *(68, 69, 71, 72, 73, 75),
    *range(76, 96),
)
#: Face part -> positions in WFLW-98.
WFLW_PARTS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "jaw": tuple(range(33)),
        "right_eyebrow": tuple(range(33, 42)),
        "left_eyebrow": tuple(range(42, 51)),
        "nose": tuple(range(51, 60)),
        "right_eye": (*range(60, 68), 96),
        "left_eye": (*range(68, 76), 97),
        "lips": tuple(range(76, 96)),
    }
)
#: Position in WFLW-98 of each point's mirror image.
WFLW_MIRROR = (
    *range(32, -1, -1),
    *(46, 45, 44, 43, 42, 50, 49, 48, 47),
    *(37, 36, 35, 34, 33, 41, 40, 39, 38),
    *range(51, 55),
    *range(59, 54, -1),
    *(72, 71, 70, 69, 68, 75, 74, 73),
    *(64, 63, 62, 61, 60, 67, 66, 65),
    *(82, 81, 80, 79, 78, 77, 76, 87, 86, 85, 84, 83),
    *(92, 91, 90, 89, 88, 95, 94, 93),
    *(97, 96),
)

_JAW = (127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356)
#: Vertices of the mesh whose mean stands for each WFLW point.
MESH_OF_WFLW: tuple[tuple[int, ...], ...] = (
    *((_JAW[k // 2],) if k % 2 == 0 else (_JAW[k // 2], _JAW[k // 2 + 1]) for k in range(33)),
    *((k,) for k in (70, 63, 105, 66, 107, 55, 65, 52, 53)),
    *((k,) for k in (336, 296, 334, 293, 300, 283, 282, 295, 285)),
    *((k,) for k in (168, 197, 5, 4, 75, 97, 2, 326, 305)),
    *((k,) for k in (33, 160, 159, 158, 133, 153, 145, 144)),
    *((k,) for k in (362, 385, 386, 387, 263, 373, 374, 380)),
    *((k,) for k in (61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181)),
    *((k,) for k in (78, 82, 13, 312, 308, 317, 14, 87)),
    *((468,), (473,)),
)

_mesh = json.loads(MESH_FILE.read_text(encoding="utf-8"))
#: Face part -> vertices of MediaPipe's mesh.
MESH_PARTS: Mapping[str, tuple[int, ...]] = MappingProxyType({k: tuple(v) for k, v in _mesh["parts"].items()})
#: Vertex of the mesh that mirrors each one.
MESH_MIRROR: tuple[int, ...] = tuple(_mesh["mirror"])
