"""The results chapters, cell by cell, on simulated trees in the layouts of the licensed and the open data sets.

So that the day somebody has the discs nothing breaks. The cells run here, without a kernel; sizes are cut down.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from native_layouts import write_native

from dfecs_lib.keypoints.dataset import Dataset
from dfecs_lib.publishing.runs.parameters import declared_parameters, read_notebook, tags_of
from dfecs_lib.simulate import simulate, write_exemplars

FOLDER = Path(__file__).parents[2] / "notebooks"
MINE = ("11_pairs", "12_facs", "13_ablation", "14_tradeoff", "15_published", "16_emotions", "17_selection")
SMALL = {
    "11_pairs": {"curve_units": [3], "peers": ["paper", "pca", "ica"], "n_splits": 2, "left_out": 2},
    "12_facs": {"n_units": 4, "n_pca": 5, "n_test": 150},
    "13_ablation": {"n_units": 4},
    "14_tradeoff": {"alphas": [2.0], "thresholds": [0.8], "max_atoms": 3, "n_units": 4},
    "15_published": {},
    "16_emotions": {"n_units": 4, "n_test": 300},
    "17_selection": {"n_units": 4, "max_active": [1, 2, 4], "counts": [2, 3], "n_resamples": 2, "atoms": [1, 2]},
}


def run(name: str, given: dict[str, object], folder: Path) -> dict[str, object]:
    """Execute a notebook's code cells in order and return the numbers it recorded."""
    cells = read_notebook(FOLDER / f"{name}.ipynb")
    declared = declared_parameters(cells)
    small = {k: v for k, v in (("n_frames", 120), ("part_variance", 0.8)) if k in declared}
    space = {**declared, **given, **small, **SMALL[name], "results_dir": str(folder / name)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sizes this small miss thresholds and hold subjects without variation
        for cell in cells:
            if cell["cell_type"] == "code" and "parameters" not in tags_of(cell):
                exec(compile(str(cell["source"]), f"{name}.ipynb", "exec"), space)
    return json.loads((folder / name / "results.json").read_text())


def run_profile_chapters(profile: str, folder: Path) -> dict[str, dict[str, object]]:
    steps = yaml.safe_load((FOLDER / "profiles.yaml").read_text())[profile]["notebooks"]
    found = {}
    for name in MINE:
        if name in steps:
            step = steps[name] or {}
            needs = {parameter: str(folder / other) for parameter, other in step.get("needs", {}).items()}
            found[name] = run(name, {**step.get("parameters", {}), **needs}, folder)
    return found


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DFECS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DFECS_DATA", str(tmp_path / "nothing"))


def few(name: str, n_subjects: int) -> Dataset:
    """A simulated data set's first subjects."""
    data = simulate(name)
    kept = data.subjects[:n_subjects]
    rows = data.keypoints.index.get_level_values("subject").isin(kept)
    return replace(data, keypoints=data.keypoints[rows], action_units=data.action_units[rows])


def write_ravdess(folder: Path) -> None:
    """OpenFace CSVs under RAVDESS names, of simulated posed sequences: one emotion a sequence."""
    folder.mkdir()
    data = few("sim-ckplus", 8)
    names = [f"{axis}_{k}" for axis in "xy" for k in range(68)]
    actors = {subject: k + 1 for k, subject in enumerate(data.subjects)}
    for number, ((subject, _), part) in enumerate(data.keypoints.groupby(level=["subject", "recording"])):
        table = pd.DataFrame(np.nan_to_num(part.to_numpy()), columns=names)
        failed = part.isna().all(axis=1).to_numpy()
        head = {"frame": np.arange(1, len(part) + 1), "face_id": 0, "timestamp": 0.0}
        head |= {"confidence": np.where(failed, 0.1, 0.98), "success": np.where(failed, 0, 1)}
        emotion, repetition = 1 + number % 8, 1 + (number // 8) % 2
        name = f"01-01-{emotion:02d}-01-{1 + number // 16 % 2:02d}-{repetition:02d}-{actors[subject]:02d}.csv"
        pd.concat([pd.DataFrame(head), table], axis=1).to_csv(folder / name, index=False)


def test_paper_chapters_run_on_trees_in_the_licensed_layouts(tmp_path, monkeypatch, own_cache) -> None:
    for name, variable, n in (("sim-disfa", "DISFA", 3), ("sim-ckplus", "CKPLUS", 6), ("sim-bp4d", "BP4D", 3)):
        monkeypatch.setenv(f"DFECS_{variable}", str(write_native(few(name, n), tmp_path / variable)))
    monkeypatch.setenv("DFECS_FACS_EXEMPLARS", str(write_exemplars(tmp_path / "exemplars")))
    found = run_profile_chapters("paper", tmp_path)
    assert set(found) == set(MINE) - {"16_emotions"}
    assert found["17_selection"]["picked"]["n_units"] in (2, 3)
    assert found["11_pairs"]["n_points"] == 49
    assert "simulated" not in found["12_facs"]["exemplars"]
    beside = pd.read_parquet(tmp_path / "15_published" / "beside.parquet").set_index(["experiment", "quantity"])
    measured = beside[beside["measured"].notna()]
    assert measured.loc["pairs"]["measured"].between(0, 100).all()
    assert len(measured.loc["pairs"]) == 6
    assert measured.loc["tests"]["metric"].tolist() == ["t", "p"] * 3
    assert {"FACS pure", "FACS comb", "PCA"} == set(measured.loc["least-angle curve"]["method"])
    assert measured.loc[("units", "number of units"), "measured"].notna().all()
    frames = measured.loc[("frames", "motion rows trained on"), "measured"]
    assert np.all(frames == 120)


def test_ravdess_chapters_run_on_tracks_under_its_names(tmp_path, monkeypatch, own_cache) -> None:
    write_ravdess(tmp_path / "tracks")
    monkeypatch.setenv("DFECS_RAVDESS", str(tmp_path / "tracks"))
    found = run_profile_chapters("ravdess", tmp_path)
    assert set(found) == set(MINE)
    emotions = pd.read_parquet(tmp_path / "16_emotions" / "emotions.parquet")
    assert {"happy", "sad"} < set(emotions["group"])
    assert found["15_published"]["measured"] == 0
    pairs = pd.read_parquet(tmp_path / "11_pairs" / "pairs.parquet")
    assert set(pairs["train"]) == {"ravdess (A)", "ravdess (B)"}
