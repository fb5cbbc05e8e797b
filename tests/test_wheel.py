"""The wheel, installed alone and used in an empty folder: all that a checkout offers is there."""

# The book is not built here: tests/book builds all of it in this way.

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dfecs_lib import __version__


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("elsewhere")


def dfecs(installed: Path, folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", "dfecs_lib.cli", *words]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DFECS_")} | {"PYTHONPATH": str(installed)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def files(folder: Path) -> set[Path]:
    return {p.relative_to(folder) for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts}


def test_the_wheel_brings_what_lies_in_the_checkout(installed: Path, root: Path, folder: Path) -> None:
    share = installed / "dfecs_lib" / "share"
    for name in ("notebooks", "book", "benchmarks/results"):
        assert files(share / name) == files(root / name), name
    for name in ("data_manifest.yaml", "CHANGELOG.md"):
        assert (share / name).read_bytes() == (root / name).read_bytes()
    assert files(root / "dfecs_lib") == {file for file in files(installed / "dfecs_lib") if file.parts[0] != "share"}
    licences = installed / f"dfecs_lib-{__version__}.dist-info" / "licenses"
    assert files(licences) == {Path("LICENSE"), Path("licences/Apache-2.0.txt"), Path("licences/README.md")}
    assert dfecs(installed, folder, "--version") == f"dfecs {__version__}\n"
    assert "clips" in dfecs(installed, folder, "data", "list")


def test_a_notebook_that_came_with_the_wheel_is_run_by_its_name(installed: Path, folder: Path) -> None:
    before = files(installed)
    assert "n_frames = " in dfecs(installed, folder, "run", "03_training", "--list")
    small = ["-p", "train", "[sim-ckplus]", "-p", "test", "[sim-ckplus]", "-p", "n_frames", "300"]
    out = dfecs(installed, folder, "run", "03_training", *small)
    results = Path(out.splitlines()[1].removeprefix("results: "))
    assert out.startswith("done: .runs/03_training/")
    assert (folder / results / "results.json").is_file()
    assert {p.name for p in folder.iterdir()} == {".runs"}
    assert files(installed) == before
