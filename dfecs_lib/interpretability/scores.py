r"""Scores of one unit: does it move as muscles do, together, in few parts, on both sides, one way?

Every function takes motions of shape (n, 68, 2) (x right, y down; `Units.motion`), `deviation` and `compliance` also
those on the points of another atlas (`dfecs_lib.anatomy.carried`), and returns one number a unit, NaN for a unit that
does not move. A keypoint's energy is :math:`e_k = \lVert m_k \rVert^2`; points that a scheme lacks have none and so
have no say.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from dfecs_lib.anatomy.atlas import Atlas, load_atlas
from dfecs_lib.anatomy.contours import CONTOURS
from dfecs_lib.interpretability.units import as_motion
from dfecs_lib.keypoints.schemes import FACE_PARTS, IBUG68

__all__ = [
    "ANGLES",
    "NEIGHBOURS",
    "PART_NAMES",
    "coherence",
    "compliance",
    "cosine_match",
    "deviation",
    "locality",
    "muscle_fit",
    "part_energy",
    "symmetry",
    "unidirectionality",
]

Scores = NDArray[np.float64]

#: Degrees at which the compliance curve is read.
ANGLES = tuple(range(5, 91, 5))
PART_NAMES = tuple(FACE_PARTS)


#: Pairs of neighbouring keypoints: along each contour, and across the lips.
NEIGHBOURS: tuple[tuple[int, int], ...] = (
    *(pair for line in CONTOURS if 27 not in line for pair in itertools.pairwise(line)),
    *itertools.pairwise((27, 28, 29, 30, 33)),
    *((48, 60), (50, 61), (51, 62), (52, 63), (54, 64), (56, 65), (57, 66), (58, 67)),
)


def _energy(motion: Scores) -> Scores:
    return np.asarray(np.square(motion).sum(axis=2))


def _ratio(above: Scores, below: Scores) -> Scores:
    out: Scores = np.full(np.shape(above), np.nan)
    np.divide(above, below, out=out, where=below > 0)
    return out


def _cosine_with_pulls(m: Scores, atlas: Atlas) -> Scores:
    """Cosine of each pull with the motion of its keypoint, shape (n, n_pulls); NaN where that does not move."""
    where, direction, _, _ = atlas.as_arrays
    moved = m[:, where]
    return _ratio((moved * direction).sum(axis=2), np.sqrt(np.square(moved).sum(axis=2)))


def deviation(motion: ArrayLike, atlas: Atlas | None = None) -> Scores:
    """Return the angle in degrees between each keypoint's motion and the nearest pull of any muscle, shape (n, K).

    180 where no muscle of the atlas pulls the keypoint; NaN where it does not move.

    Examples
    --------
    >>> import numpy as np
    >>> up = np.zeros((1, 68, 2)); up[0, 21] = 0, -5      # inner right brow, 5 px up
    >>> float(deviation(up)[0, 21])
    0.0
    """
    atlas = atlas or load_atlas()
    m = as_motion(motion, atlas.scheme.n_points)
    cosine = np.nan_to_num(_cosine_with_pulls(m, atlas), nan=-1.0)
    best = np.full(m.shape[:2], -1.0)
    for pull, keypoint in enumerate(atlas.as_arrays[0]):
        np.maximum(best[:, keypoint], cosine[:, pull], out=best[:, keypoint])
    angle = np.rad2deg(np.arccos(np.clip(np.round(best, 12), -1.0, 1.0)))
    return np.asarray(np.where(_energy(m) > 0, angle, np.nan))


def compliance(
    motion: ArrayLike, angle: float | Sequence[float] = 30.0, *, atlas: Atlas | None = None, acting: bool = True
) -> Scores:
    r"""Share of the motion's energy that lies within `angle` degrees of an admissible muscle pull.

    .. math:: C(\theta) = \sum_k e_k\,[\min_{j \in A_k} \angle(m_k, p_{kj}) \le \theta] \;/\; \sum_k e_k

    :math:`A_k` are the pulls on keypoint k of the muscles that act in this unit. A muscle moves all that it inserts in:
    it acts when at least half of the energy at its insertions lies within the angle of its own pulls there. Insertions
    that move less than a tenth of the unit's largest motion count as still; a muscle with none that moves does not act.

    Parameters
    ----------
    motion : array of shape (n, K, 2)
        On the points of the atlas.
    angle : float or sequence of float
        Degrees. A sequence gives the curve, shape (n, len(angle)).
    atlas : Atlas, optional
    acting : bool
        False looks at each keypoint by itself and admits the pull of any muscle, acting or not. Around the mouth, where
        muscles pull almost every way, that is easily satisfied.

    Returns
    -------
    array of shape (n,) or (n, len(angle)), 0 to 1

    Examples
    --------
    >>> import numpy as np
    >>> smile = np.zeros((1, 68, 2)); smile[0, [48, 54]] = (-5, -6), (5, -6)
    >>> compliance(smile), compliance(-smile), compliance(-smile, acting=False)
    (array([1.]), array([0.]), array([1.]))
    """
    atlas = atlas or load_atlas()
    m = as_motion(motion, atlas.scheme.n_points)
    where, _, action, inserts = atlas.as_arrays
    energy, cosine = _energy(m), _cosine_with_pulls(m, atlas)
    total = energy.sum(axis=1)
    moving = np.where(energy >= 0.01 * energy.max(axis=1, keepdims=True), energy, 0.0)
    to_action = np.zeros((len(where), len(atlas.actions)))
    to_action[np.flatnonzero(inserts), action[inserts]] = 1.0
    to_point = np.zeros((len(where), m.shape[1]))
    to_point[np.arange(len(where)), where] = 1.0
    at_pulls = moving[:, where]
    available = at_pulls @ to_action
    limits = np.atleast_1d(np.asarray(angle, dtype=np.float64))
    shares = np.empty((len(m), len(limits)))
    for i, limit in enumerate(limits):
        within = cosine >= np.cos(np.deg2rad(limit)) - 1e-9
        if acting:
            explained = (at_pulls * within) @ to_action
            acts = (available > 0) & (explained >= (0.5 - 1e-9) * available)
            within = within & acts[:, action]
        shares[:, i] = _ratio((energy * (within @ to_point > 0)).sum(axis=1), total)
    return shares if np.ndim(angle) else shares[:, 0]


def coherence(motion: ArrayLike) -> Scores:
    r"""How alike neighbouring keypoints move, −1 to 1.

    .. math:: \sum_{(i,j)} 2\, m_i \cdot m_j \;/\; \sum_{(i,j)} (\lVert m_i \rVert^2 + \lVert m_j \rVert^2)

    over the pairs in `NEIGHBOURS`: 1 when all neighbours move by the same vector.
    """
    m = as_motion(motion)
    i, j = np.array(NEIGHBOURS).T
    energy = _energy(m)
    return _ratio(2 * (m[:, i] * m[:, j]).sum(axis=(1, 2)), (energy[:, i] + energy[:, j]).sum(axis=1))


def part_energy(motion: ArrayLike) -> Scores:
    """Return the share of a unit's energy in each face part, shape (n, 7), columns as in `PART_NAMES`."""
    energy = _energy(as_motion(motion))
    parts = np.stack([energy[:, list(points)].sum(axis=1) for points in FACE_PARTS.values()], axis=1)
    return _ratio(parts, np.repeat(parts.sum(axis=1)[:, None], parts.shape[1], axis=1))


def locality(motion: ArrayLike) -> Scores:
    r"""Effective number of face parts that a unit moves, 1 (one part) to 7 (all alike).

    The exponential of the entropy of the parts' shares of energy. A symmetric brow raise counts 2: two brows.
    """
    share = part_energy(motion)
    terms = np.where(share > 0, share * np.log(np.where(share > 0, share, 1.0)), 0.0)
    return np.asarray(np.where(np.isnan(share[:, 0]), np.nan, np.exp(-terms.sum(axis=1))))


def symmetry(motion: ArrayLike) -> Scores:
    """Cosine between a unit and its mirror image (x negated): 1 symmetric, 0 one-sided, −1 antisymmetric."""
    m = as_motion(motion)
    mirrored = m[:, IBUG68.mirror] * np.array([-1.0, 1.0])
    return _ratio((m * mirrored).sum(axis=(1, 2)), _energy(m).sum(axis=1))


def unidirectionality(codes: ArrayLike) -> Scores:
    r"""Share of a unit's use that goes its main way, 0.5 to 1, from codes of shape (n_frames, n_units).

    .. math:: \max(\sum w_+, \sum w_-) / \sum \lvert w \rvert

    Muscles pull and do not push: 1 is what they do. Non-negative codes have 1 by construction.
    """
    w = np.asarray(codes, dtype=np.float64)
    up, down = np.nansum(np.maximum(w, 0), axis=0), np.nansum(np.maximum(-w, 0), axis=0)
    return _ratio(np.maximum(up, down), up + down)


def muscle_fit(motion: ArrayLike, atlas: Atlas | None = None) -> tuple[Scores, Scores]:
    r"""Fit each unit by muscles acting as wholes: non-negative least squares on the atlas's patterns.

    .. math:: \min_{c \ge 0} \lVert m - \sum_a c_a F_a \rVert^2

    Stricter than `compliance`: all points of a muscle must go along. But the atlas's strengths are coarse (1 or 0.5),
    so that even a true muscle is not fitted to 1.

    Returns
    -------
    share : array of shape (n,)
        1 − ‖residual‖²/‖m‖², 0 to 1.
    activation : array of shape (n, n_actions)
        c times ‖F_a‖ over ‖m‖, in the order of ``atlas.actions``.
    """
    m = as_motion(motion)
    atlas = atlas or load_atlas()
    fields = atlas.fields.reshape(len(atlas.actions), -1)
    length = np.linalg.norm(fields, axis=1)
    # NNLS sees the data only by fields·fieldsᵀ: a Cholesky factor of that is a smaller, equivalent design.
    orthonormal, upper = np.linalg.qr((fields / length[:, None]).T)
    share, activation = np.full(len(m), np.nan), np.zeros((len(m), len(fields)))
    for i, row in enumerate(m.reshape(len(m), -1)):
        size = float(np.linalg.norm(row))
        if size > 0:
            target = orthonormal.T @ row / size
            activation[i], rest = nnls(upper, target)
            outside = max(0.0, 1.0 - float(target @ target))
            share[i] = 1.0 - rest**2 - outside
    return share, activation


def cosine_match(motion: ArrayLike, dictionary: ArrayLike, *, signed: bool = False) -> tuple[Scores, NDArray[np.intp]]:
    """Best cosine of each unit over a dictionary of motions (n_entries, 68, 2), and which entry it is.

    `signed` lets a unit match by its opposite, too.
    """
    a, b = (as_motion(x).reshape(-1, 136) for x in (motion, dictionary))
    norms = np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))
    cosine = _ratio(a @ b.T, norms)
    ranked = np.nan_to_num(np.abs(cosine) if signed else cosine, nan=-2.0)
    which = ranked.argmax(axis=1)
    best = np.take_along_axis(cosine, which[:, None], axis=1)[:, 0]
    return np.abs(best) if signed else best, which
