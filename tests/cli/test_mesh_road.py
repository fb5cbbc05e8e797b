"""A mesh on the command line: train, encode, evaluate and report by one word, and the 68 points without it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from dfecs_lib.cli.main import dfecs
from dfecs_lib.ffm import load_model
from dfecs_lib.keypoints import save
from dfecs_lib.simulate import simulate


def run(*arguments: object) -> str:
    result = CliRunner().invoke(dfecs, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("meshes")
    data = simulate("sim-ckplus", scheme="mediapipe478").keypoints
    for subject, rows in data.groupby(level="subject"):
        rows.attrs = {"scheme": "mediapipe478", "history": []}  # as a tracker writes them
        if str(subject) in ("S001", "S002", "S003"):
            save(rows, folder / f"{subject}.parquet")
    return folder


def test_a_mesh_from_table_to_report(tables: Path, tmp_path: Path) -> None:
    units = tmp_path / "units.npz"
    said = run(
        "train", tables / "S001.parquet", tables / "S002.parquet", "-o", units, "--scheme", "tracked", "--n-units", 6
    )
    assert "(mediapipe478)" in said
    model = load_model(units)
    assert model.scheme_ == "mediapipe478"
    assert model.components_.shape == (6, 956)
    run("encode", units, tables / "S003.parquet", "-o", tmp_path / "codes.csv")
    codes = pd.read_csv(tmp_path / "codes.csv")
    assert np.isfinite(codes.filter(like="U0").to_numpy()).all()
    assert "variance_explained" in run("evaluate", units, tables / "S003.parquet")
    one = pd.read_parquet(tables / "S003.parquet")
    first = one[one.index.get_level_values("recording") == one.index.get_level_values("recording")[0]]
    first.attrs = one.attrs
    save(first, tmp_path / "one.parquet")
    run("report", tmp_path / "one.parquet", "-o", tmp_path / "page.html", "--units", units)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "as the units rebuild it" in page
    assert "68 points" not in page


def test_without_the_word_a_mesh_goes_as_68_points(tables: Path, tmp_path: Path) -> None:
    units = tmp_path / "units.npz"
    assert "(ibug68)" in run("train", tables / "S001.parquet", "-o", units, "--n-units", 4)
    run("encode", units, tables / "S002.parquet", "-o", tmp_path / "codes.csv")
    assert len(pd.read_csv(tmp_path / "codes.csv")) > 10
