"""Frames per second of the whole preprocessing, beside the published linear one and a loop over frames.

    OMP_NUM_THREADS=1 python benchmarks/preprocessing.py WEIGHTS.npy [FRAMES]

Every pipeline runs on the same frames in the same run; the best of fifteen times counts, so that other work on the
machine disturbs little.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from _results import write

from dfecs_lib.anatomy.head import load_head
from dfecs_lib.preprocessing import make_preprocessor


def best_time(run: Callable[[], object], times: int = 15) -> float:
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        spent.append(time.perf_counter() - start)
    return min(spent)


def loop(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The published preprocessing, one frame after the other, as one would write it from the paper."""
    targets = {0: (300, 900), 16: (1100, 900), 27: (700, 900), 33: (700, 1300), 39: (600, 1000), 42: (800, 1000)}
    goal, anchors = np.array(list(targets.values()), float), list(targets)
    parts = (
        ((36, 39), (400 + 1000j, 600 + 1000j), np.r_[17:22, 36:42]),
        ((42, 45), (800 + 1000j, 1000 + 1000j), np.r_[22:27, 42:48]),
        ((0, 16), (300 + 1000j, 1100 + 1000j), np.r_[0:17]),
    )
    out = np.empty_like(rows)
    for i, row in enumerate(rows):
        p = row.reshape(2, 68).T
        p = p - p.mean(axis=0)
        p /= np.sqrt((p**2).sum(axis=1).mean())
        eyes = p[42:48].mean(axis=0) - p[36:42].mean(axis=0)
        angle = np.arctan2(eyes[1], eyes[0])
        p = p @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        p = (np.r_[p[:, 0], p[:, 1], 1] @ weights).reshape(2, 68).T
        p = np.c_[p, np.ones(68)] @ np.linalg.lstsq(np.c_[p[anchors], np.ones(6)], goal, rcond=None)[0]
        z = p[:, 0] + 1j * p[:, 1]
        w = z.copy()
        for (a, b), (ta, tb), moved in parts:
            turn = (tb - ta) / (z[b] - z[a])
            w[moved] = turn * (z[moved] - z[a]) + ta
        w[27:36] = z[27:36] + (700 + 1000j - z[27])
        out[i, :68], out[i, 68:] = w.real, w.imag
    return out


def main() -> None:
    weights = np.load(sys.argv[1], allow_pickle=False)
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 50_000
    rng = np.random.default_rng(0)
    head = load_head()
    faces = head.identities(rng.normal(size=(n, len(head.identity))))[:, :, :2] * 2 + 300
    rows = np.concatenate([faces[:, :, 0], faces[:, :, 1]], axis=1) + rng.normal(size=(n, 136))
    few = rows[: n // 50]
    ours, linear = make_preprocessor(), make_preprocessor(method="linear", weights=weights)
    plain = make_preprocessor(frontalize=False)
    worst = float(np.abs(linear.transform(few) - loop(few, weights)).max())
    speeds = {
        "loop over frames, published linear": len(few) / best_time(lambda: loop(few, weights), 5),
        "published linear": n / best_time(lambda: linear.transform(rows)),
        "pose (default)": n / best_time(lambda: ours.transform(rows)),
        "without frontalization": n / best_time(lambda: plain.transform(rows)),
    }
    base = speeds["loop over frames, published linear"]
    content: dict[str, object] = {
        "frames": n,
        "time": "wall clock, best of fifteen",
        "frames_per_second": {k: round(v) for k, v in speeds.items()},
        "times_as_fast_as_the_loop": {k: round(v / base, 1) for k, v in speeds.items()},
        "largest_difference_between_loop_and_library_px": worst,
    }
    path = write("preprocessing", content)
    for name, speed in speeds.items():
        print(f"{name:40s} {speed:12,.0f} frames/s   {speed / base:7.1f} × the loop")
    print(path)


if __name__ == "__main__":
    main()
