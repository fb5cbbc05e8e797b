"""The muscle atlas between iBUG's points: what of a mesh's skin goes along with the points that a muscle pulls.

Made of the atlas and of the mean head's geometry alone, so that it knows no more of the simulator than they do.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dfecs_lib.anatomy.atlas import Atlas, Pull
from dfecs_lib.anatomy.head import load_head
from dfecs_lib.anatomy.skin import skin
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints.schemes import IBUG68, Scheme, get_scheme

__all__ = ["atlas_on"]

# Skin of cheek and forehead goes along with a point that a muscle pulls where it lies as near, millimetres.
_NEAR, _SKIN = 20.0, ("right_cheek", "left_cheek", "forehead")
# Pulls of both sides that leave less than this share of their length cancel out.
_LEFT = 0.1


def atlas_on(atlas: Atlas, scheme: str | Scheme) -> Atlas:
    """Return an atlas on all points of a scheme that has iBUG's 68 and more between them.

    A point that stands for one of iBUG's has that one's pulls. A point between them is carried along (weight 0.5) by
    the muscles of its neighbours, in the mean of their directions by the cube of their nearness, as
    `dfecs_lib.anatomy.skin` has it: on brows, nose, lids, lips and jaw by those that pull the nearest of iBUG's points;
    on cheek and forehead by those that pull a point within 20 mm. Of the middle of the cheek the atlas says nothing.

    Raises
    ------
    DfecsError
        If the scheme lacks one of the 68.

    Examples
    --------
    >>> from dfecs_lib.anatomy.atlas import load_atlas
    >>> mesh = atlas_on(load_atlas(), "mediapipe478")
    >>> len(mesh.neutral), len({p.keypoint for p in mesh.pulls})
    (478, 397)
    """
    known = get_scheme(scheme)
    if known == atlas.scheme:
        return atlas
    if atlas.scheme != IBUG68 or not known.has(*range(68)):
        raise DfecsError(f"muscles pull at iBUG's 68 points and those between them; {known.name} has not all 68")
    face, of = skin(known), known.positions(list(range(68)))
    apart = np.linalg.norm(face.mean[:, None] - face.mean[of][None], axis=2)
    nearest = apart.argmin(axis=1)
    free = np.zeros(known.n_points, dtype=bool)
    for part in _SKIN:
        if part in known.parts:
            free[known.parts[part]] = True
    between = np.setdiff1d(np.arange(known.n_points), of)
    pulls = [replace(p, keypoint=int(of[p.keypoint])) for p in atlas.pulls]
    for muscle, side in atlas.actions:
        mine = [p for p in atlas.pulls if (p.muscle, p.side) == (muscle, side)]
        at = np.array([p.keypoint for p in mine])
        ways = np.array([np.multiply(p.weight, p.direction) for p in mine])
        near = free[between] & (apart[between][:, at].min(axis=1) <= _NEAR)
        near |= ~free[between] & np.isin(nearest[between], at)
        for point in between[near]:
            weight = 1 / np.maximum(apart[point, at], 1e-6) ** 3
            way = weight @ ways
            length = float(np.linalg.norm(way))
            if length > _LEFT * float(weight.sum()):
                x, y = (float(v) for v in way / length)
                pulls.append(Pull(muscle, side, int(point), (x, y), 0.5, mine[0].kind))
    # The plain face of the file, laid out as the mean head's skin is.
    head = np.column_stack([load_head().mean[:, :2], np.ones(68)])
    laid, *_ = np.linalg.lstsq(head, atlas.neutral, rcond=None)
    neutral = np.column_stack([face.mean[:, :2], np.ones(known.n_points)]) @ laid
    neutral += face.carried((atlas.neutral - head @ laid)[list(known.ibug)].T).T
    neutral.setflags(write=False)
    return Atlas(atlas.muscles, tuple(pulls), atlas.sources, neutral, known)
