"""The page on many machines and long tables: its code runs, its commands exist, its figures are measured ones."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from dfecs_lib import keypoints
from dfecs_lib.cli.main import dfecs
from dfecs_lib.ffm import load_model

from .conftest import motion_of

PAGE = Path(__file__).parents[2] / "book" / "scale.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_its_code_for_long_tables_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "motion").mkdir()
    for part in "ab":
        keypoints.save(motion_of(200), tmp_path / "motion" / f"{part}.parquet")
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks("python")[1], str(PAGE), "exec"), {"folder": tmp_path / "motion"})
    assert load_model(tmp_path / "units.npz").components_.shape == (3, 136)


def test_its_commands_are_commands() -> None:
    lines = [line for block in blocks("shell") for line in block.splitlines() if line.startswith("dfecs ")]
    assert len(lines) == 2
    for line in lines:
        _, name, *words = shlex.split(line)
        assert dfecs.commands[name].make_context(name, words).params["dask"]


def test_its_figures_are_those_that_were_measured(tmp_path: Path) -> None:
    pytest.importorskip("myst_parser")
    conf = f"import sys\nsys.path.insert(0, {str(PAGE.parent / '_ext')!r})\n"
    conf += "extensions = ['myst_parser', 'dfecs_benchmarks']\nroot_doc = 'scale'\n"
    conf += "myst_enable_extensions = ['dollarmath']\nmathjax_path = 'none.js'\n"
    (tmp_path / "conf.py").write_text(conf)
    (tmp_path / "scale.md").write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    words = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(tmp_path), str(tmp_path / "out")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "out" / "scale.html").read_text(encoding="utf-8")
    measured = json.loads(sorted((PAGE.parents[1] / "benchmarks" / "results").glob("streaming-*"))[-1].read_text())
    for row in measured["runs"]:
        assert f"<td>{row['frames']:,d}</td>" in page
        assert f"<td>{row['peak_memory_gib']:.2f}</td>" in page
    assert f"{measured['log_log_slope']['without_the_first_fit']:.2f}" in page
    assert f"Measured {measured['date']}" in page
    assert "Data: simulated" in page


def test_no_measured_figure_is_typed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert not re.search(r"\d+(\.\d+)? (GiB|GB|MiB|seconds|s)\b", text)
    measured = json.loads(sorted((PAGE.parents[1] / "benchmarks" / "results").glob("streaming-*"))[-1].read_text())
    for figure in measured["log_log_slope"].values():
        assert f"{figure:.2f}" not in text
