"""Damaged manifests, profiles, notebooks, answers, models and probes: refused in one sentence, or of use."""

from __future__ import annotations

import csv
import io
import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from damaging import CASES, damage, spoil
from hypothesis import given, settings
from hypothesis import strategies as st

from dfecs_lib.baselines import PCAUnits, PeerUnits
from dfecs_lib.data.manifest import load_manifest
from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.detection.probe import Probe, load_probe
from dfecs_lib.ffm import PartFaceModel, load_model
from dfecs_lib.keypoints import make_table
from dfecs_lib.models.base import UnitsBase
from dfecs_lib.publishing.runs.parameters import declared_parameters, read_notebook
from dfecs_lib.publishing.runs.profile import load_profile, profile_names
from dfecs_lib.rating import analyse
from dfecs_lib.rating.answers import COLUMNS, read_answers, write_answers

MOTION = make_table(
    np.random.default_rng(0).normal(size=(40, 3)) @ np.random.default_rng(1).normal(size=(3, 136)) * 4,
    scheme="ibug68",
    frames=range(40),
)
CODES = pd.DataFrame(np.eye(4, 3) * 2, columns=["smile", "frown", "blink"])


def tried(path: Path, content: bytes, read: Callable[[Path], object]) -> None:
    """Only DfecsError leaves, in one sentence of a bounded length."""
    path.write_bytes(content)
    refusal = ""
    try:
        read(path)
    except DfecsError as error:
        refusal = str(error)
    assert "\n" not in refusal
    assert len(refusal) < 2000


def fuzzed(text: Callable[[object], str], whole: object, read: Callable[[Path], object], suffix: str) -> None:
    """What is whole is read; half of the other cases have strange values in their places, half have spoilt bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"whole{suffix}"
        path.write_text(text(whole), encoding="utf-8")
        read(path)

    @settings(max_examples=CASES, deadline=None, database=None)
    @given(seed=st.integers(0, 2**32))
    def one(seed: int) -> None:
        rng = random.Random(seed)
        if rng.random() < 0.5:
            content = text(spoil(whole, rng)).encode("utf-8", "surrogatepass")
        else:
            content = damage(text(whole).encode(), rng)
        with tempfile.TemporaryDirectory() as folder:
            tried(Path(folder) / f"spoilt{suffix}", content, read)

    one()


def as_yaml(value: object) -> str:
    return yaml.safe_dump(value, allow_unicode=True)


def test_manifests(root: Path) -> None:
    whole = yaml.safe_load((root / "data_manifest.yaml").read_text(encoding="utf-8"))
    some = {"datasets": {name: whole["datasets"][name] for name in ("disfa", "clips", "sim-disfa")}}
    fuzzed(as_yaml, some, load_manifest, ".yaml")


NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {},
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": "# A page"},
        {
            "cell_type": "code",
            "metadata": {"tags": ["parameters"]},
            "source": ["n_units = 16  # units\n", "source = 'clips'\n", "shares = [0.5, {'a': (1, 2)}]"],
        },
    ],
}


def test_notebooks() -> None:
    fuzzed(json.dumps, NOTEBOOK, lambda path: declared_parameters(read_notebook(path), str(path)), ".ipynb")


def test_profiles(tmp_path: Path) -> None:
    parameters = {"n_units": 3, "source": "clips", "shares": [0.1]}
    steps = {
        "first": {"notebook": "a.ipynb", "parameters": parameters},
        "second": {"notebook": "a.ipynb", "needs": {"source": "first"}},
    }
    whole = {"demo": {"title": "A book", "data": ["clips"], "optional": [], "notebooks": steps}}

    def read(path: Path) -> None:
        path.with_name("a.ipynb").write_text(json.dumps(NOTEBOOK))
        for name in profile_names(path):
            load_profile(name, path)

    fuzzed(as_yaml, whole, read, ".yaml")


def answers() -> pd.DataFrame:
    said = {
        "study": "s",
        "simulated": False,
        "seed": 0,
        "guide": True,
        "sign": 1,
        "of": "",
        "none": True,
        "comment": 'a "b",',
    }
    rows = [
        {**said, "rater": rater, "position": k, "trial": f"u{k}+", "kind": "unit", "unit": f"u{k}", "expect": ""}
        | {"wrong": (), "moving": (3, 4), "against": (3,) * (k == 1), "rating": 5 - k, "seconds": 4.5}
        for rater in ("ann", "bob")
        for k in (1, 2)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def analysed(path: Path) -> None:
    read_answers(path)
    analyse([path], n_bootstraps=2)


def as_csv(rows: object) -> str:
    table = rows if isinstance(rows, list) else [rows]
    stream = io.StringIO()
    csv.writer(stream).writerows([COLUMNS, *(row.values() if isinstance(row, dict) else [row] for row in table)])
    return stream.getvalue()


def test_answers_as_csv(tmp_path: Path) -> None:
    write_answers(answers(), tmp_path / "whole.csv")
    whole = pd.read_csv(tmp_path / "whole.csv", dtype=str, keep_default_na=False).to_dict("records")
    fuzzed(as_csv, whole, analysed, ".csv")


def test_answers_as_json(tmp_path: Path) -> None:
    write_answers(answers(), tmp_path / "whole.csv")
    rows = pd.read_csv(tmp_path / "whole.csv", dtype=str, keep_default_na=False).to_dict("records")
    fuzzed(json.dumps, {"study": "s", "answers": rows}, analysed, ".json")


MODELS: dict[str, Callable[[], UnitsBase]] = {
    "parts": lambda: PartFaceModel(n_atoms=2, alpha=1.0),
    "pca": lambda: PCAUnits(2),
    "ica": lambda: PeerUnits("ica", n_units=2),
}


def inside(path: Path) -> tuple[object, dict[str, np.ndarray]]:
    with np.load(path) as found:
        arrays = {name: found[name] for name in found.files}
    return json.loads(str(arrays.pop("header_json"))), arrays


def odd(array: np.ndarray, rng: random.Random) -> np.ndarray:
    """An array of another shape or kind, or with impossible numbers in it."""
    spoilt = array.copy()
    if array.size:
        spoilt.flat[rng.randrange(array.size)] = rng.choice([np.nan, np.inf, -1e300, 1e-300, 0.0])
    choices = [
        spoilt,
        array[:0],
        array[..., :-1],
        array[None],
        array * 0,
        array.astype(int),
        array.astype("f4"),
        np.array("a"),
    ]
    return rng.choice(choices)


def fuzzed_archive(whole: Path, use: Callable[[Path], object]) -> None:
    """As `fuzzed`, of an archive: its description, its arrays, and its bytes."""
    header, arrays = inside(whole)

    @settings(max_examples=CASES, deadline=None, database=None)
    @given(seed=st.integers(0, 2**32))
    def one(seed: int) -> None:
        rng = random.Random(seed)
        kind = rng.randrange(4)
        path = whole.with_name("spoilt.npz")
        changed = spoil(header, rng) if kind < 2 else header
        shown = {**arrays, (name := rng.choice(sorted(arrays))): odd(arrays[name], rng)} if kind in (1, 2) else arrays
        np.savez(path, **shown, header_json=np.array(json.dumps(changed)))
        tried(path, damage(whole.read_bytes(), rng) if kind == 3 else path.read_bytes(), use)

    one()


@pytest.mark.parametrize("name", MODELS)
def test_models(name: str, tmp_path: Path) -> None:
    MODELS[name]().fit(MOTION).save(tmp_path / "whole.npz", {"neutral": {"rule": "head"}})

    def use(path: Path) -> None:
        model = load_model(path)
        rebuilt = model.inverse_transform(model.transform(MOTION.iloc[:4]))
        assert rebuilt.shape == (4, 136)
        assert np.isfinite(np.asarray(rebuilt)).all()

    fuzzed_archive(tmp_path / "whole.npz", use)


def test_probes(tmp_path: Path) -> None:
    layers = ((np.ones((3, 2)), np.zeros(2)),)
    two = np.ones(2)
    whole = Probe(
        ("AU01", "AU12"), tuple(CODES), "linear", 0, np.zeros(3), np.ones(3), layers, layers, two, two, two, {"a": 1}
    )
    whole.save(tmp_path / "whole.npz")

    def use(path: Path) -> None:
        found = load_probe(path).openface_columns(CODES)
        assert found.filter(like="_r").stack().between(0, 5).all()

    fuzzed_archive(tmp_path / "whole.npz", use)


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system ['touch executed']",
        "a: !!python/name:os.system",
        "a: !mine 1",
        "a: !!int wink",
        "a: 2020-13-45",
        "a: !!timestamp wink",
    ],
)
def test_tags_and_values_that_are_none_are_refused(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spoilt.yaml").write_text(text)
    for read in (load_manifest, profile_names):
        with pytest.raises(DfecsError, match="not a readable YAML file"):
            read(tmp_path / "spoilt.yaml")
    assert [path.name for path in tmp_path.iterdir()] == ["spoilt.yaml"]
