"""How much each frame of a subject expresses: one identity of the 3-D head for all, non-negative expression a frame.

Registered frames x_f of one subject are explained as

``x_f = m + a B + e_f V + n_f,   a ~ N(0, I),  e_f ≥ 0,  n_f ~ N(0, N)``

with the mean head m, identity modes B (27) and expression modes V (34), all registered as the frames are. One a serves
all frames of the subject. Minimised by alternation over a (closed form) and e_f (coordinate descent):

``Σ_f (‖x_f − m − a B − e_f V‖²_N + ‖e_f‖²/s²) + n ‖a‖²``

N is what tracker and frontalization add. Most of it moves neighbouring points together, so that a distance between two
lips is known far better than where either is; lids follow the gaze, both brows the pitch of the head, points slide
along the jaw.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.anatomy.head import load_head
from dfecs_lib.keypoints import Scheme, get_scheme
from dfecs_lib.preprocessing.registration import AffineRegistration, PartRegistration

__all__ = ["LEAST_POINTS", "MOST_MISFIT", "Rest", "fit_rest"]

Rows = NDArray[np.float64]

#: With fewer points than these the head cannot tell identity from expression.
LEAST_POINTS = 20
#: Frames that the head leaves this far off, px a coordinate (median frame), show no face as it knows them; real faces
#: of four trackers are left 4-7 px off.
MOST_MISFIT = 25.0

# Expression modes are taken at this share of their full strength, since registration bends large ones.
_AMOUNT = 0.5
# Standard deviations: of an intensity (0-5); in mm, of each point's own error, of the error that neighbours share and
# its reach, and of what points along the jaw, upper lids (gaze) and both brows together (pitch) have besides.
_INTENSITY, _POINT, _FIELD, _REACH, _JAW, _LIDS, _BROWS = 2.0, 1.0, 2.0, 15.0, 4.0, 3.0, 2.0
_UPPER_LIDS, _BROW_POINTS = (37, 38, 43, 44), tuple(range(17, 27))
# Alternations at most, sweeps of the expressions in each, sweeps at the end; stop when no identity coefficient moves
# more than this.
_ROUNDS, _SWEEPS, _LAST_SWEEPS, _STILL = 60, 2, 20, 2e-3
_MOST_FRAMES = 400


@dataclass(frozen=True)
class Rest:
    """Frames of one subject beside its resting head.

    Attributes
    ----------
    expressed : ndarray of shape (n_frames,)
        Size of the expressed motion ``e_f V`` in units of the noise N.
    distance : ndarray of shape (n_frames,)
        Size of the expressed motion in px: root mean square over points of how far they are moved.
    faces : ndarray of shape (n_frames, n_modes)
        The frames, whitened by N and seen along the expression modes: differences count as much as they are certain,
        and only those that an expression makes.
    misfit : float
        What neither identity nor expression explains, px: root mean square over coordinates of the median frame.
    """

    expressed: NDArray[np.float64]
    distance: NDArray[np.float64]
    faces: Rows
    misfit: float


def fit_rest(values: Rows, scheme: Scheme, *, parts: bool = True) -> Rest | None:
    """Fit one identity and every frame's expression.

    Parameters
    ----------
    values : ndarray of shape (n_frames, 2K)
        One subject's registered faces. Columns with NaN in any frame are left out.
    scheme : Scheme
        Theirs, with iBUG numbers for all its points.
    parts : bool
        Whether part registration followed affine registration.

    Returns
    -------
    Rest or None
        None with fewer than `LEAST_POINTS` points.
    """
    mean, identity, expression = _modes(scheme.name, parts)
    free = (np.abs(identity).sum(axis=0) + np.abs(expression).sum(axis=0)) > 1e-6  # not what registration holds fixed
    used = np.isfinite(values).all(axis=0) & free
    k = scheme.n_points
    if (used[:k] & used[k:]).sum() < LEAST_POINTS:
        return None
    whiten = _whitener(scheme.name, tuple(np.flatnonzero(used).tolist()))
    modes, moves = identity[:, used] @ whiten, expression[:, used] @ whiten
    faces = (values[:, used] - mean[used]) @ whiten
    gram = moves @ moves.T + np.eye(len(moves)) / _INTENSITY**2
    head = _identity(faces, modes, moves, gram)
    off = faces - head @ modes
    codes = _intensities(off @ moves.T, gram, np.zeros((len(moves), len(off))), _LAST_SWEEPS)
    shift = codes.T @ expression
    unexplained = values[:, used] - mean[used] - head @ identity[:, used] - shift[:, used]
    seen = np.flatnonzero(used[:k] | used[k:])
    return Rest(
        expressed=np.sqrt(((codes.T @ moves) ** 2).sum(axis=1)),
        distance=np.sqrt((shift[:, seen] ** 2 + shift[:, k + seen] ** 2).mean(axis=1)),
        faces=faces @ np.linalg.qr(moves.T)[0],
        misfit=float(np.median(np.sqrt((unexplained**2).mean(axis=1)))),
    )


def _identity(faces: Rows, modes: Rows, moves: Rows, gram: Rows) -> Rows:
    """Return the identity coefficients (n_identity,) of whitened faces, by `_MOST_FRAMES` of them at most."""
    some = faces[np.linspace(0, len(faces) - 1, min(len(faces), _MOST_FRAMES)).round().astype(int)]
    solve = np.linalg.solve(modes @ modes.T + np.eye(len(modes)), modes)
    average, targets, between = some.mean(axis=0), some @ moves.T, modes @ moves.T
    codes = np.zeros((len(moves), len(some)))
    head = np.zeros(len(modes))
    for _ in range(_ROUNDS):
        before = head
        head = solve @ (average - codes.mean(axis=1) @ moves)
        codes = _intensities(targets - head @ between, gram, codes, _SWEEPS)
        if np.abs(head - before).max() < _STILL:
            break
    return head


def _intensities(targets: Rows, gram: Rows, codes: Rows, sweeps: int) -> Rows:
    """Minimise ``½ eᵀ G e − c e`` over e ≥ 0 for every row c of `targets`; codes are (n_modes, n_frames)."""
    wanted = np.ascontiguousarray(targets.T)
    for _ in range(sweeps):
        for i, row in enumerate(gram):
            codes[i] = np.maximum(0.0, codes[i] + (wanted[i] - row @ codes) / row[i])
    return codes


@lru_cache(maxsize=16)
def _modes(name: str, parts: bool) -> tuple[Rows, Rows, Rows]:
    """Return mean (2K,), identity modes and expression modes, all registered; expressions per unit of intensity."""
    head, points = load_head(), list(get_scheme(name).ibug)

    def registered(shapes: NDArray[np.float64]) -> Rows:
        rows = AffineRegistration().transform(np.concatenate([shapes[:, points, 0], shapes[:, points, 1]], axis=1))
        return np.asarray(PartRegistration().transform(rows) if parts else rows)

    mean = registered(head.mean[None])[0]
    identity = (registered(head.mean + head.identity) - registered(head.mean - head.identity)) / 2
    expression = (registered(head.mean + _AMOUNT * head.expression) - mean) / (5 * _AMOUNT)
    return mean, identity, expression


@lru_cache(maxsize=64)
def _whitener(name: str, used: tuple[int, ...]) -> Rows:
    """Return M with ``M Mᵀ = N⁻¹`` for the `used` columns, px."""
    points = np.array(get_scheme(name).ibug)
    place = load_head().mean[points, :2]
    apart = np.linalg.norm(place[:, None] - place[None], axis=2)
    x = _FIELD**2 * np.exp(-0.5 * (apart / _REACH) ** 2)
    x += np.diag(_POINT**2 + np.where(points < 17, _JAW**2, 0.0))
    brows = np.isin(points, _BROW_POINTS)
    y = x + np.diag(np.where(np.isin(points, _UPPER_LIDS), _LIDS**2, 0.0)) + _BROWS**2 * np.outer(brows, brows)
    nothing = np.zeros_like(x)
    jaw = load_head().mean[[0, 16], 0]
    size = 800.0 / (jaw[1] - jaw[0])  # registered px a millimetre
    noise = np.block([[x, nothing], [nothing, y]])[np.ix_(used, used)] * size**2
    return np.asarray(np.linalg.inv(np.linalg.cholesky(noise)).T)
