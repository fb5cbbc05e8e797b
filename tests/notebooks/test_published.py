"""Published figures: all carried over, joined to measured ones on the same data only."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfecs_lib.errors import DfecsError
from dfecs_lib.publishing.published import (
    DATASETS,
    published_beside_measured,
    published_claims,
    published_curves,
    published_figures,
)


def numbers(value: object) -> list[float]:
    if isinstance(value, dict):
        return [n for item in value.values() for n in numbers(item)]
    if isinstance(value, list):
        return [n for item in value for n in numbers(item)]
    return [float(value)] if isinstance(value, int | float) else []


def test_every_published_number_is_there(root: Path) -> None:
    """Against the facts as they were collected, where those are at hand."""
    file = root.parent / "shared" / "reference" / "published.json"
    if not file.is_file():
        pytest.skip(f"the collected facts are not at {file}")
    facts = json.loads(file.read_text())
    carried = sorted(set(published_figures()["value"]))
    for curve in facts["least_angle_curves"]["curves"].values():
        curve.pop("n_units")
    assert set(numbers(facts)) <= set(carried)


def test_every_figure_has_a_source_and_a_metric() -> None:
    figures = published_figures()
    assert figures[["experiment", "quantity", "metric", "value", "source", "cite"]].notna().all(axis=None)
    named = {part for c in ("train", "test", "against") for v in figures[c].dropna() for part in v.split(" and ")}
    assert named == set(DATASETS)


def test_curves_are_whole() -> None:
    curves = published_curves()
    assert curves.groupby(["method", "test"])["n_units"].apply(list).map(lambda n: n == list(range(1, 27))).all()
    assert curves.groupby(["method", "test"])["value"].apply(lambda v: v.is_monotonic_increasing).all()


def test_nothing_measured_says_what_is_needed() -> None:
    table = published_beside_measured()
    assert table["measured"].isna().all()
    assert (table["note"] != "").all()
    note = table.query("experiment == 'pairs' and train == 'CK+' and test == 'BP4D-Spontaneous'")["note"].item()
    assert note == "needs CK+ and BP4D-Spontaneous"


def test_measured_figures_meet_published_ones_on_the_same_data() -> None:
    rows = [("PCA", "disfa", "ckplus", "ve_squared", 94.0), ("PCA", "disfa", "bp4d", "ve_squared", 90.0)]
    results = pd.DataFrame(rows, columns=["method", "train", "test", "metric", "value"])
    table = published_beside_measured(results)
    found = table[table["measured"].notna()]
    assert len(found) == 3
    mean = found[found["quantity"] == "mean test variance explained"].iloc[0]
    assert mean["measured"] == 92.0
    assert mean["difference"] == pytest.approx(92.0 - 92.83)
    assert (found["note"] == "").all()
    units = results.assign(n_units=3, method="FACS pure", metric="ve_norm")
    curve = published_beside_measured(units).query("measured.notna()")
    assert curve["n_units"].tolist() == [3, 3]
    tests = results.iloc[:1].assign(metric="t", against="bp4d", alternative="greater", value=9.0)
    assert published_beside_measured(tests).query("measured.notna()")["measured"].tolist() == [9.0]


def test_simulated_faces_never_stand_beside_published_figures() -> None:
    results = pd.DataFrame(
        {
            "method": "PCA",
            "train": ["sim-disfa", "disfa"],
            "test": ["ckplus", "sim-ckplus"],
            "metric": "ve_squared",
            "value": 1,
        }
    )
    assert published_beside_measured(results)["measured"].isna().all()
    half = pd.DataFrame(
        {"method": ["PCA"], "train": ["disfa"], "test": ["ckplus"], "metric": ["ve_squared"], "value": [94.0]}
    )
    mean = published_beside_measured(half).query("quantity == 'mean test variance explained'")
    assert np.isnan(mean["measured"].item())
    with pytest.raises(DfecsError, match="lack the columns metric"):
        published_beside_measured(half.drop(columns="metric"))


def test_every_claim_has_a_row_and_comparisons_are_made_on_the_same_data() -> None:
    claims = published_claims()
    assert claims["measured"].isna().all()
    (facs,) = claims[claims["claim"].str.contains("surpass keypoint FACS")].to_dict("records")
    assert facs["note"].endswith("and exemplar faces of the FACS manual")
    rows = [
        ("DFECS", "disfa", "ckplus", "ve_norm", 16, 80.0),
        ("DFECS", "disfa", "bp4d", "ve_norm", 16, 84.0),
        ("FACS pure", None, "ckplus", "ve_norm", 16, 79.0),
        ("FACS pure", None, "bp4d", "ve_norm", 16, 81.0),
        ("DFECS", "disfa", "ckplus", "ve_squared", None, 90.0),
        ("DFECS", "disfa", "bp4d", "ve_squared", None, 90.0),
        ("PCA", "disfa", "ckplus", "ve_squared", None, 93.0),
        ("PCA", "disfa", "bp4d", "ve_squared", None, 92.0),
        ("DFECS", "sim-disfa", "sim-ckplus", "ve_squared", None, 10.0),
    ]
    results = pd.DataFrame(rows, columns=["method", "train", "test", "metric", "n_units", "value"]).astype(
        {"n_units": object, "train": object}
    )
    found = published_claims(results).set_index("claim")["measured"]
    assert found[facs["claim"]] == pytest.approx(2.0)
    assert found["And are comparable to PCA units"] == pytest.approx(-2.5)
    assert found.filter(like="91.29").item() == 90.0
