"""The wheel, installed alone and used in an empty folder: all that a checkout offers is there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dfecs_lib import __version__, keypoints, load_dataset


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
    faces = load_dataset("sim-ckplus", size="small").keypoints
    keypoints.save(faces.groupby(level="subject", sort=False).head(30).head(150), folder / "faces.parquet")
    assert "n_frames = " in dfecs(installed, folder, "run", "03_training", "--list")
    small = ["-p", "train", "[faces.parquet]", "-p", "test", "[faces.parquet]", "-p", "variance", "0.5"]
    out = dfecs(installed, folder, "run", "03_training", *small)
    results = Path(out.splitlines()[1].removeprefix("results: "))
    assert out.startswith("done: .runs/03_training/")
    assert (folder / results / "results.json").is_file()
    assert {p.name for p in folder.iterdir()} == {".runs", "faces.parquet"}
    assert files(installed) == before


def test_the_book_that_came_with_the_wheel_is_built(installed: Path, tmp_path: Path) -> None:
    """A small one; the whole book is built in this way in tests/book."""
    shutil.copytree(installed, tmp_path / "installed")
    book, notebooks = (tmp_path / "installed" / "dfecs_lib" / "share" / name for name in ("book", "notebooks"))
    pages = "".join(f"- file: {page}\n" for page in ("notebooks/one", "changelog"))
    (book / "_toc.yml").write_text(f"format: jb-book\nroot: index\nchapters:\n{pages}")
    (book / "index.md").write_text("# Small\n\nA page.\n")
    code = {"cell_type": "code", "execution_count": None, "outputs": []}
    cells = [
        {"cell_type": "markdown", "id": "title", "metadata": {}, "source": "# One"},
        {**code, "id": "parameters", "metadata": {"tags": ["parameters"]}, "source": "n = 1  # how many"},
        {**code, "id": "code", "metadata": {}, "source": "n + 1"},
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (notebooks / "one.ipynb").write_text(json.dumps(notebook))
    (notebooks / "profiles.yaml").write_text("demo: {notebooks: {one: }}\n")
    here = tmp_path / "elsewhere"
    here.mkdir()
    command = [sys.executable, "-m", "dfecs_lib.cli", "book"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
    done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "_site/demo/html/index.html\n"), done.stderr
    assert __version__ in (here / "_site" / "demo" / "html" / "changelog.html").read_text()
    assert {p.name for p in here.iterdir()} == {".runs", "_site"}
