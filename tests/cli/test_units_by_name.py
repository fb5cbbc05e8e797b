"""Trained units are found by name, and an unknown name is answered with those that are known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from dfecs_lib import load, workflow
from dfecs_lib.cli import main
from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import load_model
from dfecs_lib.metrics import variance_explained
from dfecs_lib.models.named import find_units, known_units
from dfecs_lib.preprocessing import preparation
from dfecs_lib.publishing.card import model_card

SAMPLE = "openface_sample.csv"


@pytest.fixture(scope="module")
def trained(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = workflow.train(samples / SAMPLE, n_units=4)
    path = tmp_path_factory.mktemp("trained") / "four.npz"
    model.save(path)
    return path


@pytest.fixture
def desk(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DFECS_UNITS", raising=False)
    (tmp_path / "units").mkdir()
    shutil.copy(trained, tmp_path / "units" / "four.npz")
    return tmp_path


def test_a_name_encodes_as_its_file_does(
    desk: Path, trained: Path, samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = str(samples / SAMPLE)
    assert main(["encode", "--units", "four", table, "-o", "by_name.csv"]) == 0
    assert main(["encode", str(trained), table, "-o", "by_file.csv"]) == 0
    assert Path("by_name.csv").read_bytes() == Path("by_file.csv").read_bytes()
    assert main(["encode", "four", table, "-o", "first.csv"]) == 0
    assert Path("first.csv").read_bytes() == Path("by_file.csv").read_bytes()


def test_an_unknown_name_is_answered_with_the_known_ones(
    desk: Path, samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["encode", "--units", "fourr", str(samples / SAMPLE), "-o", "c.csv"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "'fourr'" in said
    assert "known: four." in said


def test_the_variable_comes_first_and_must_be_a_folder(
    desk: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (desk / "mine").mkdir()
    for name in ("ten.npz", "nine10.npz", "nine9.npz"):
        shutil.copy(trained, desk / "mine" / name)
    monkeypatch.setenv("DFECS_UNITS", str(desk / "mine"))
    assert list(known_units()) == ["nine9", "nine10", "ten"]
    monkeypatch.setenv("DFECS_UNITS", str(desk / "nowhere"))
    with pytest.raises(DfecsError, match="no folder"):
        known_units()


def test_units_of_a_built_book_are_found(desk: Path, trained: Path) -> None:
    built = desk / "_site" / "demo" / "html" / "units"
    built.mkdir(parents=True)
    shutil.copy(trained, built / "book.npz")
    assert find_units("book") == built.relative_to(desk) / "book.npz"
    assert find_units("no/such") == Path("no/such")


def test_the_list_says_what_units_learned_from(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "units", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["name"], row["units"], row["frames"]) == ("four", 4, 100)


def test_encode_with_a_name_and_no_table_is_refused(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["encode", "four", "-o", "c.csv"]) == 2
    assert "TABLE" in capsys.readouterr().err


def test_a_card_says_in_sample_and_held_out_and_names_every_unit(trained: Path, samples: Path) -> None:
    model = load_model(trained)
    held_out = {"ve_squared": 61.25, "low": 55.0, "high": 70.0, "active_units": 2.5, "cancellation": 1.5, "people": 7}
    card = model_card("four", model, data="a sample", licence="CC0", held_out=held_out, warnings=["one fault"])
    row = next(line for line in card.splitlines() if line.startswith("| variance explained"))
    _, _, own, left, _ = (cell.strip() for cell in row.split("|"))
    assert (float(left), "55.0 to 70.0 %" in card, "one fault" in card) == (61.25, True, True)
    assert "Learned on points of OpenFace" in card
    motion = preparation(load(samples / SAMPLE)).motion
    assert float(own) == pytest.approx(
        variance_explained(motion, pd.DataFrame(model.inverse_transform(model.transform(motion)))), abs=0.05
    )
    assert all(f"| {unit} | {row['name']} |" in card for unit, row in model.summary().iterrows())
