"""``dfecs probe`` from labelled faces to OpenFace's columns beside codes."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from dfecs_lib.cli import main
from dfecs_lib.evaluation.detection import load_probe


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("probe")
    assert main(["train", "sim-disfa", "-o", str(folder / "units.npz"), "--n-units", "8", "--no-progress"]) == 0
    arguments = [str(folder / "units.npz"), "sim-disfa", "-o", str(folder / "probe.npz"), "--no-progress"]
    assert main(["probe", "train", *arguments]) == 0
    return folder


def test_a_probe_has_a_card_and_adds_openface_columns(trained: Path, capsys) -> None:
    probe = load_probe(trained / "probe.npz")
    assert probe.card["simulated"] is True
    assert probe.card["people"] == 6
    value, low, high = probe.card["measures"]["macro"]["auc"]
    assert low <= value <= high
    out = trained / "codes.csv"
    model, file = str(trained / "units.npz"), str(trained / "probe.npz")
    assert main(["encode", model, "sim-ckplus", "-o", str(out), "--probe", file, "--no-progress"]) == 0
    table = pd.read_csv(out)
    assert {f"{au}_{kind}" for au in probe.action_units for kind in "rc"} <= set(table.columns)
    assert table[f"{probe.action_units[0]}_r"].dropna().between(0, 5).all()
    capsys.readouterr()
    assert main(["probe", "evaluate", file, model, "sim-disfa", "--json", "--no-progress"]) == 0
    rows = pd.DataFrame(json.loads(capsys.readouterr().out)).set_index("au")
    assert rows.loc["macro", "auc"] > 0.8


def test_a_probe_and_units_are_not_taken_for_each_other(trained: Path, samples: Path, capsys) -> None:
    model, file = str(trained / "units.npz"), str(trained / "probe.npz")
    out = str(trained / "x.csv")
    assert main(["encode", model, "sim-ckplus", "-o", out, "--probe", model]) == 2
    assert "not a probe" in capsys.readouterr().err
    assert main(["encode", file, "sim-ckplus", "-o", out]) == 2
    assert main(["probe", "train", model, "clips", "-o", str(trained / "y.npz")]) == 2
    assert not Path(out).exists()
