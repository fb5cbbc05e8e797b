"""The lines that join a face's keypoints: what is drawn, and which keypoints are neighbours along the skin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.keypoints.schemes import MEDIAPIPE468, MEDIAPIPE478, WFLW98, Scheme, get_scheme

__all__ = ["CONTOURS", "contours"]

#: Open and closed lines through the iBUG-68 keypoints; the last is the inner lip.
CONTOURS: tuple[tuple[int, ...], ...] = (
    tuple(range(0, 17)),
    tuple(range(17, 22)),
    tuple(range(22, 27)),
    tuple(range(27, 31)),
    tuple(range(31, 36)),
    (*range(36, 42), 36),
    (*range(42, 48), 42),
    (*range(48, 60), 48),
    (*range(60, 68), 60),
)
# The inner lip is drawn from mouth corner to mouth corner where its own corners are not tracked.
_INNER_LIP_WITHOUT_CORNERS = (48, 61, 62, 63, 54, 65, 66, 67, 48)
_WFLW_LINES: tuple[tuple[int, ...], ...] = (
    tuple(range(33)),
    (*range(33, 42), 33),
    (*range(42, 51), 42),
    tuple(range(51, 55)),
    tuple(range(55, 60)),
    (*range(60, 68), 60),
    (*range(68, 76), 68),
    (*range(76, 88), 76),
    (*range(88, 96), 88),
)
_RIGHT_OVAL = (109, 67, 103, 54, 21, 162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148)
# Lines through the mesh's right half and midline; those of the left half are their mirror images.
_MESH_RIGHT: tuple[tuple[int, ...], ...] = (
    (70, 63, 105, 66, 107, 55, 65, 52, 53, 46, 70),
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7, 33),
)
_MESH_HALVES: tuple[tuple[int, ...], ...] = (
    (10, *_RIGHT_OVAL, 152),
    (75, 97, 2),
    (0, 37, 39, 40, 185, 61, 146, 91, 181, 84, 17),
    (13, 82, 81, 80, 191, 78, 95, 88, 178, 87, 14),
)
_MESH_RIDGE = (168, 6, 197, 195, 5, 4, 1)
_IRIS = (469, 470, 471, 472, 469)


def _mesh_lines(scheme: Scheme) -> list[NDArray[np.intp]]:
    mirror = scheme.mirror
    right = [*_MESH_RIGHT, *([_IRIS] if scheme.n_points > max(_IRIS) else [])]
    lines = [np.array(line, dtype=np.intp) for line in right]
    lines += [mirror[line] for line in lines]
    for half in _MESH_HALVES:
        line = np.array(half, dtype=np.intp)
        lines.append(np.concatenate([line, mirror[line[:-1]][::-1]]))
    return [*lines, np.array(_MESH_RIDGE, dtype=np.intp)]


def contours(scheme: str | Scheme) -> list[NDArray[np.intp]]:
    """Return the lines of a drawn face: arrays of positions in the scheme, in drawing order, closed ones closed.

    Examples
    --------
    >>> len(contours("ibug68")), len(contours("bp4d49"))
    (9, 8)
    """
    known = get_scheme(scheme)
    if known == WFLW98:
        return [np.array(line, dtype=np.intp) for line in _WFLW_LINES]
    if known in (MEDIAPIPE468, MEDIAPIPE478):
        return _mesh_lines(known)
    lines = CONTOURS if known.has(60, 64) else (*CONTOURS[:-1], _INNER_LIP_WITHOUT_CORNERS)
    return [known.positions(line) for line in lines if known.has(*line)]
