"""Anderson acceleration of a fixed-point map x ← T(x): the secant step over the last few iterates.

Reference: D. G. Anderson, Iterative procedures for nonlinear integral equations, J. ACM 12 (1965).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Anderson"]


class Anderson:
    """Remembers the last `memory` iterates; the caller checks the objective and calls `reset` when a step fails."""

    def __init__(self, memory: int = 8) -> None:
        self._memory = memory
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next proposal is the plain step."""
        self._points: list[NDArray[np.float64]] = []
        self._steps: list[NDArray[np.float64]] = []

    @property
    def active(self) -> bool:
        """Whether the last proposal differed from the plain step."""
        return len(self._points) > 1

    def propose(self, point: NDArray[np.float64], image: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the next iterate, given T(point) = image."""
        self._points = [*self._points[-self._memory :], point.ravel()]
        self._steps = [*self._steps[-self._memory :], (image - point).ravel()]
        if len(self._points) < 2:
            return image
        points, steps = np.array(self._points), np.array(self._steps)
        d_points, d_steps = np.diff(points, axis=0), np.diff(steps, axis=0)
        normal = d_steps @ d_steps.T
        size = np.trace(normal)
        if not size > 0:
            return image
        normal[np.diag_indices_from(normal)] += 1e-8 * size / len(normal)
        share = np.linalg.solve(normal, d_steps @ steps[-1])
        return np.asarray(points[-1] + steps[-1] - share @ (d_points + d_steps)).reshape(point.shape)
