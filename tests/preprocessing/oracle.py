"""The formulas of the method, frame by frame and point by point: slow, and independent of the library."""

from __future__ import annotations

import numpy as np

AFFINE = {0: (300, 900), 16: (1100, 900), 27: (700, 900), 33: (700, 1300), 39: (600, 1000), 42: (800, 1000)}
AFFINE_NO_JAW = {27: (700, 900), 33: (700, 1300), 39: (600, 1000), 42: (800, 1000), 36: (400, 1000), 45: (1000, 1000)}


def frontalize(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(68, 2) -> (68, 2)."""
    p = points - points.mean(axis=0)
    p = p / np.sqrt(np.mean([x * x + y * y for x, y in p]))
    right, left = p[36:42].mean(axis=0), p[42:48].mean(axis=0)
    angle = np.arctan2(left[1] - right[1], left[0] - right[0])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    p = np.array([turn @ q for q in p])
    row = np.concatenate([p[:, 0], p[:, 1], [1.0]]) @ weights
    return np.stack([row[:68], row[68:]], axis=1)


def affine(points: np.ndarray, numbers: list[int]) -> np.ndarray:
    """(K, 2) -> (K, 2); `numbers` are the points' iBUG numbers."""
    targets = AFFINE if 0 in numbers else AFFINE_NO_JAW
    source = np.array([[*points[numbers.index(k)], 1.0] for k in targets])
    solution, *_ = np.linalg.lstsq(source, np.array(list(targets.values()), float), rcond=None)
    return np.array([[x, y, 1.0] @ solution for x, y in points])


def parts(points: np.ndarray, numbers: list[int]) -> np.ndarray:
    """(K, 2) -> (K, 2)."""
    out = points.copy()
    for (a, b), (ta, tb), moved in [
        ((36, 39), ((400, 1000), (600, 1000)), [*range(17, 22), *range(36, 42)]),
        ((42, 45), ((800, 1000), (1000, 1000)), [*range(22, 27), *range(42, 48)]),
        ((0, 16), ((300, 1000), (1100, 1000)), [*range(0, 17)]),
    ]:
        if a not in numbers:
            continue
        (xa, ya), (xb, yb) = points[numbers.index(a)], points[numbers.index(b)]
        # x' = p x − q y + u, y' = q x + p y + v, from two points
        system = np.array([[xa, -ya, 1, 0], [ya, xa, 0, 1], [xb, -yb, 1, 0], [yb, xb, 0, 1]])
        p, q, u, v = np.linalg.solve(system, np.array([*ta, *tb], float))
        for k in moved:
            if k in numbers:
                x, y = points[numbers.index(k)]
                out[numbers.index(k)] = (p * x - q * y + u, q * x + p * y + v)
    shift = np.array([700.0, 1000.0]) - points[numbers.index(27)]
    for k in range(27, 36):
        out[numbers.index(k)] = points[numbers.index(k)] + shift
    return out
