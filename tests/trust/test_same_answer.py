"""The same faces give the same bytes: in fresh processes, in other folders, in another order of files and rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import dfecs_lib
from dfecs_lib.anatomy.head import load_head

PROGRAM = """
import json, sys
from dfecs_lib.cli.main import main
for words in json.loads(sys.argv[1]):
    code = main(words)
    if code:
        sys.exit(code)
"""


def talking(seed: int) -> pd.DataFrame:
    """30 frames of a person who opens the mouth and lifts the brows, as a plain table."""
    rng = np.random.default_rng(seed)
    points = np.repeat(load_head().mean[None, :, :2], 30, axis=0) * rng.uniform(1, 1.4) + 300
    points[:, 48:68, 1] += rng.exponential(6, (30, 1)) * (points[:, 48:68, 1] > points[:, 62:63, 1])
    points[:, 17:27, 1] -= rng.exponential(4, (30, 1))
    points = (points + rng.normal(0, 0.2, points.shape)).round(2)
    names = [f"{axis}_{k}" for axis in "xy" for k in range(68)]
    table = pd.DataFrame(np.concatenate([points[..., 0], points[..., 1]], axis=1), columns=names)
    table.insert(0, "frame", range(30))
    return table


def answers(folder: Path, *, turned: bool, threads: int) -> dict[str, bytes]:
    """What `dfecs train` and `dfecs encode` write in a fresh process."""
    faces = folder / "faces"
    faces.mkdir(parents=True)
    files = []
    for seed, name in enumerate(["P01_talk.csv", "P02_talk.csv"]):
        table = talking(seed)
        (table.iloc[::-1] if turned else table).to_csv(faces / name, index=False)
        files.append(str(faces / name))
    files = files[::-1] if turned else files
    names = ["--names", "{subject}_{recording}"]
    work = [
        ["train", *files, *names, "-o", str(folder / "units.npz"), "--n-units", "2"],
        ["encode", str(folder / "units.npz"), *files, *names, "-o", str(folder / "codes.csv")],
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(dfecs_lib.__file__).parents[1]),
        "PYTHONHASHSEED": str(7 + turned),
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), str(threads)),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(work)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return {name: (folder / name).read_bytes() for name in ("units.npz", "codes.csv")}


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return answers(tmp_path_factory.mktemp("once"), turned=False, threads=1)


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return answers(tmp_path_factory.mktemp("another_folder") / "with spaces", turned=True, threads=2)


@pytest.mark.parametrize("name", ["units.npz", "codes.csv"])
def test_the_same_bytes(name: str, once: dict[str, bytes], again: dict[str, bytes]) -> None:
    assert once[name] == again[name]
