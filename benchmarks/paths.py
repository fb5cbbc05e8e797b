"""Least-angle paths: frames per second, ours beside scikit-learn's `lars_path` on the same frames in the same run.

Run: python benchmarks/paths.py [--frames 20000] [--units 26]
"""

from __future__ import annotations

import argparse
import time

import numba
import numpy as np
from _results import write
from sklearn.linear_model import lars_path

from dfecs_lib.coding.paths import encode_at_most, least_angle_path

PATHS = {"lar": ("lar", False), "lasso": ("lasso", False), "nonnegative": ("lasso", True)}


def problem(n_frames: int, n_units: int) -> tuple[np.ndarray, np.ndarray]:
    """Correlated unit-length units and frames that mix them, with tracker-like noise."""
    rng = np.random.default_rng(0)
    units = rng.normal(size=(n_units, 136)) @ (rng.normal(size=(136, 136)) * np.linspace(3, 0.2, 136))
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    codes = rng.exponential(30, size=(n_frames, n_units)) * (rng.random((n_frames, n_units)) < 0.3)
    return codes @ units + rng.normal(size=(n_frames, 136)), units


def main() -> None:
    """Time both sides in processor time and write the dated result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--units", type=int, default=26)
    args = parser.parse_args()
    motion, units = problem(args.frames, args.units)
    few = motion[:300]
    rows = []
    for ours, (method, positive) in PATHS.items():
        least_angle_path(few[:70], units, method=ours)  # compile
        times = []
        for _ in range(3):
            start = time.process_time()
            least_angle_path(motion, units, method=ours)
            times.append(time.process_time() - start)
        speed = len(motion) / min(times)
        start = time.process_time()
        for x in few:
            lars_path(units.T, x, method=method, positive=positive)
        peer = len(few) / (time.process_time() - start)
        gap = max(
            float(np.abs(encode_at_most(x[None], units, 3, method=ours)[0] - path[:, 3]).max())
            for x in few[:50]
            if (path := lars_path(units.T, x, method=method, positive=positive)[2]).shape[1] > 5
            and (np.count_nonzero(path[:, 1:4], axis=0) == [1, 2, 3]).all()
        )
        rows.append(
            {
                "path": ours,
                "frames_per_second": round(speed),
                "scikit_learn_frames_per_second": round(peer),
                "ratio": round(speed / peer, 1),
                "largest_code_difference_at_3_units": gap,
            }
        )
    path = write(
        "paths",
        {
            "measure": "least-angle paths, n = 1 … all units per frame, to the full path's end",
            "frames": args.frames,
            "units": args.units,
            "columns": motion.shape[1],
            "numba": numba.__version__,
            "rows": rows,
        },
    )
    for row in rows:
        print(row)
    print(path)


if __name__ == "__main__":
    main()
