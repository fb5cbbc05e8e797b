"""``dfecs rate`` from trained units to a report."""

from __future__ import annotations

import numpy as np
import pytest

from dfecs_lib.baselines import PCAUnits
from dfecs_lib.cli.main import main
from dfecs_lib.rating import simulate_raters


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "units.npz"
    PCAUnits(n_units=2).fit(np.random.default_rng(0).normal(size=(30, 136))).save(path)
    return path


def test_build_and_analyse(model, tmp_path, capsys):
    assert main(["rate", "build", str(model), "-o", str(tmp_path / "study"), "--title", "Faces"]) == 0
    assert "10 movements" in capsys.readouterr().out  # two units both ways, two repeats, four catch trials
    assert "Faces" in (tmp_path / "study" / "index.html").read_text(encoding="utf-8")
    files = [str(f) for f in simulate_raters(tmp_path / "study", tmp_path / "answers")]
    report = ["-o", str(tmp_path / "report"), "--study", str(tmp_path / "study"), "--bootstraps", "50"]
    assert main(["rate", "analyse", *files, *report]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Simulated raters")
    assert "Krippendorff" in out
    assert (tmp_path / "report" / "report.html").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ["rate", "build", "nowhere.npz", "-o", "study"],
        ["rate", "analyse", "nowhere.csv"],
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_an_impossible_number_is_refused_with_the_usage(model, capsys):
    assert main(["rate", "build", str(model), "-o", "study", "--catch", "-1"]) == 2
    assert "Invalid value for '--catch': -1 is not in the range x>=0" in capsys.readouterr().err


def test_rate_alone_says_what_to_say(capsys):
    assert main(["rate"]) == 2
    assert capsys.readouterr().err == "dfecs: Missing command ('dfecs rate --help' shows how)\n"
