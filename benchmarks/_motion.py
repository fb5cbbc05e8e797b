"""Motion for the benchmarks of the models: simulated, or tables of real motion named on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from dfecs_lib import keypoints
from dfecs_lib.preprocessing import make_preprocessor, motion_vectors
from dfecs_lib.simulate import simulate


def arguments(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--motion", nargs="*", default=[], help="Parquet tables of real keypoint motion, one a recording"
    )
    return parser


def simulated(name: str = "sim-disfa", frames: int | None = 10_100) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Complete rows of a simulated dataset's motion, and their true action units."""
    data = simulate(name, size="medium")
    preprocessor = make_preprocessor().fit(data.keypoints)
    motion = motion_vectors(preprocessor.transform(data.keypoints), preprocessor.transform(data.neutral)).dropna()
    motion = motion.iloc[:frames]
    return motion, data.truth.action_units.loc[motion.index]


def recordings(paths: list[str]) -> dict[str, pd.DataFrame]:
    return {Path(path).name.split(".")[0]: keypoints.load(path).dropna() for path in paths}


def cpu_seconds(run: Callable[[], object], clock: Callable[[], float], repeats: int = 1) -> tuple[float, object]:
    """Least processor time of a few runs: other programs on the machine do not count."""
    best, result = np.inf, None
    for _ in range(repeats):
        start = clock()
        result = run()
        best = min(best, clock() - start)
    return float(best), result
