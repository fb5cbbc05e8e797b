"""What a score would be by chance: units that keep some of a unit's properties and lose its direction.

Three nulls, none of which knows the atlas:

- ``rotated``: the motion of each face part is turned by an angle of its own. Amplitudes, parts and the likeness of
  neighbours stay; direction goes. Turning every keypoint by itself would be easier to beat, and is not used.
- ``shuffled``: the motion vectors are dealt to other keypoints (of those that move in any unit).
- ``mixed``: a random direction in the space that the units span, units scaled alike: the same data, another basis, as a
  random rotation of principal components is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.keypoints.schemes import FACE_PARTS

__all__ = ["NULLS", "mixed", "rotated", "shuffled", "z_and_p"]

Motion = NDArray[np.float64]

_PART = np.zeros(68, dtype=np.intp)
for _i, _points in enumerate(FACE_PARTS.values()):
    _PART[list(_points)] = _i


def rotated(units: Motion, i: int, n: int, rng: np.random.Generator) -> Motion:
    """Unit `i` `n` times, each face part turned by a random angle; shape (n, 68, 2)."""
    turn = rng.uniform(0, 2 * np.pi, (n, len(FACE_PARTS)))[:, _PART]
    cos, sin = np.cos(turn), np.sin(turn)
    x, y = units[i, :, 0], units[i, :, 1]
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=-1)


def shuffled(units: Motion, i: int, n: int, rng: np.random.Generator) -> Motion:
    """Unit `i` `n` times, its motion vectors dealt anew among the keypoints that move in any unit."""
    energy = np.square(units).sum(axis=(0, 2))
    moving = np.flatnonzero(energy > 1e-12 * energy.max(initial=0.0))
    order = rng.permuted(np.tile(moving, (n, 1)), axis=1)
    out = np.zeros((n, 68, 2))
    out[:, moving] = units[i][order]
    return out


def mixed(units: Motion, i: int, n: int, rng: np.random.Generator) -> Motion:
    """`n` random directions in the span of the units (`i` does not matter)."""
    del i
    flat = units.reshape(len(units), -1)
    size = np.linalg.norm(flat, axis=1, keepdims=True)
    flat = np.divide(flat, size, out=np.zeros_like(flat), where=size > 0)
    weights = rng.standard_normal((n, len(units)))
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    return np.asarray((weights @ flat).reshape(n, 68, 2))


NULLS: Mapping[str, Callable[[Motion, int, int, np.random.Generator], Motion]] = {
    "rotated": rotated,
    "shuffled": shuffled,
    "mixed": mixed,
}


def z_and_p(value: float, chance: NDArray[np.float64], *, larger: bool = True) -> tuple[float, float]:
    """Return z and the one-sided p, (1 + count at least as good) / (1 + n), of a value against draws of its null.

    Examples
    --------
    >>> import numpy as np
    >>> z_and_p(3.0, np.array([0.0, 1.0, 2.0]))[1]
    0.25
    """
    draws = chance[np.isfinite(chance)]
    if not np.isfinite(value) or not len(draws):
        return float("nan"), float("nan")
    sign = 1.0 if larger else -1.0
    spread = float(draws.std())
    z = sign * (value - float(draws.mean())) / spread if spread > 1e-12 else float("nan")
    # A hair of tolerance: the same number reached by another order of sums is the same number.
    p = (1 + int((sign * draws >= sign * value - 1e-9).sum())) / (1 + len(draws))
    return z, p
