"""The set-up files say the same thing: pyproject, environment.yml, constraints, version."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import dfecs_lib


@pytest.fixture(scope="module")
def project(root: Path) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


def name_of(requirement: str) -> str:
    return re.match(r"[A-Za-z0-9_.-]+", requirement)[0].lower().replace("_", "-")


def test_environment_yml_asks_for_what_pyproject_asks_for(root: Path, project: dict) -> None:
    environment = yaml.safe_load((root / "environment.yml").read_text())
    conda = {d for d in environment["dependencies"] if isinstance(d, str)} - {"pip"}
    python = f"python{project['requires-python']}"
    assert conda == {python, *project["dependencies"]}


def test_environment_yml_installs_the_extras_that_make_installs(root: Path, project: dict) -> None:
    environment = yaml.safe_load((root / "environment.yml").read_text())
    pip = next(d["pip"] for d in environment["dependencies"] if isinstance(d, dict))
    editable = next(line for line in pip if line.startswith("-e")).removeprefix("-e ")
    assert f"'{editable}'" in (root / "Makefile").read_text()
    assert set(project["optional-dependencies"]["face-alignment"][:1]) <= set(pip)  # beside them, with torch


def test_extra_all_is_every_extra_but_torch_and_benchmark_peers(project: dict) -> None:
    extras = project["optional-dependencies"]
    inside = set(re.match(r"dfecs_lib\[(.*)\]", extras["all"][0])[1].split(","))
    assert inside == set(extras) - {"all", "face-alignment", "benchmark"}


def test_constraints_pin_every_requirement_and_hold_no_address(root: Path, project: dict) -> None:
    text = (root / "constraints.txt").read_text()
    assert not re.search(r"://|@|--", text)
    pinned = {name_of(line) for line in text.splitlines() if "==" in line}
    extras = project["optional-dependencies"]
    wanted = [r for e in ("book", "dlib", "dask", "raters", "test", "dev") for r in extras[e]] + project["dependencies"]
    missing = {name_of(r.split("[")[0]) for r in wanted} - pinned
    assert not missing


def test_version_is_said_once(project: dict, root: Path) -> None:
    assert project["dynamic"] == ["version"]
    assert f"version: {dfecs_lib.__version__}" in (root / "CITATION.cff").read_text()
    assert f"## {dfecs_lib.__version__}" in (root / "CHANGELOG.md").read_text()


def test_import_is_light() -> None:
    """`import dfecs_lib` pulls in nothing heavy: sub-modules come when they are first used."""
    code = "import sys, dfecs_lib; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    heavy = {
        "numpy",
        "pandas",
        "sklearn",
        "numba",
        "matplotlib",
        "seaborn",
        "plotly",
        "papermill",
        "dlib",
        "torch",
        "av",
    }
    assert not loaded & heavy


@pytest.mark.parametrize("word", ["numpy", "keypoints"])
def test_unknown_attribute_is_an_attribute_error(word: str) -> None:
    with pytest.raises(AttributeError, match="no attribute"):
        getattr(dfecs_lib, f"no_such_{word}")
    assert "keypoints" in dir(dfecs_lib)


def test_make_says_plainly_when_python_is_missing_or_too_old(root: Path, tmp_path: Path) -> None:
    for file in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / file).write_bytes((root / file).read_bytes())
    absent = subprocess.run(["make", "setup", "PYTHON=no-such-python"], cwd=tmp_path, capture_output=True, text=True)
    assert absent.returncode != 0
    assert "Install Python 3.11" in absent.stdout
    old = tmp_path / "python-old"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.1\n[ "$1" = -c ] && exit 1\nexit 0\n')
    old.chmod(0o755)
    too_old = subprocess.run(["make", "setup", f"PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True)
    assert too_old.returncode != 0
    assert "too old" in too_old.stdout
    assert not (tmp_path / ".venv").exists()
