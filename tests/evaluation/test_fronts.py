"""The front, the choice of a number of units, and the search's path, as tidy tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfecs_lib import evaluation, plotting
from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.ffm.selection import select_n_units


@pytest.fixture(scope="module")
def variants(learn: pd.DataFrame) -> dict:
    return evaluation.front_variants(learn, 4, [1, 2, 9], part_variance=0.9)


@pytest.fixture(scope="module")
def front(variants: dict, other: pd.DataFrame) -> pd.DataFrame:
    return evaluation.front_table(variants, {"other people": other})


def test_every_way_of_coding_stands_on_the_front(front: pd.DataFrame) -> None:
    settings = front.groupby("method", sort=False)["most"].apply(list)
    assert settings.pop("PCA, as many components") == [1, 2, 4]
    assert [s for name, s in settings.items() if "hierarchical" in name or "direct" in name] == [[4]] * 3
    assert [s for name, s in settings.items() if "sparse" in name or "lasso" in name] == [[1, 2]] * 4
    assert len(settings) == 8
    assert front["ve_squared"].between(0, 100).all()
    sparse = front[front["method"].str.contains("sparse|lasso")]
    assert (sparse["active"] <= sparse["most"] + 0.35).all()  # set on other people's frames


def test_a_refit_explains_more_with_the_same_units(front: pd.DataFrame) -> None:
    by = front.set_index(["method", "most"])["ve_squared"]
    for most in (1, 2):
        assert by["refined, sparse by lasso", most] > by["refined, lasso without refit", most]


def test_curves_are_read_at_the_same_number_of_units() -> None:
    front = pd.DataFrame(
        {
            "method": ["a", "a", "b", "a", "a", "b"],
            "test": ["x", "x", "x", "y", "y", "y"],
            "active": [4.0, 2.0, 3.0, 1.0, 3.0, 3.0],
            "ve_squared": [90.0, 80.0, 85.0, 70.0, 90.0, 95.0],
        }
    )
    at = evaluation.front_at(front, [3, 4])
    assert at.loc["a", 3] == pytest.approx((85 + 90) / 2)
    assert np.isnan(at.loc["a", 4])
    assert at.loc["b", 3] == 90


def test_the_plain_lasso_shrinks_and_keeps_tables(learn: pd.DataFrame, other: pd.DataFrame) -> None:
    model = FullFaceModel(3, part_variance=0.9, encoder="direct").fit(learn)
    alpha = evaluation.lasso_for_activity(learn, model.components_, 1.5)
    coded = evaluation.LassoCoded(model, alpha)
    codes = coded.transform(learn)
    assert codes.index.equals(learn.index)
    assert 1.0 < (codes > 0).sum(axis=1).mean() <= 1.5
    assert codes.to_numpy().sum() < model.transform(learn).to_numpy().sum()
    holes = other.copy()
    holes.iloc[0] = np.nan
    assert coded.transform(holes).iloc[0].isna().all()
    with pytest.raises(DfecsError, match="no frame"):
        evaluation.lasso_for_activity(holes.iloc[:1], model.components_, 1)
    with pytest.raises(DfecsError, match="max_active"):
        evaluation.front_variants(learn, 4, [9])


def test_the_rule_is_spelled_out(learn: pd.DataFrame) -> None:
    model = FullFaceModel(encoder="direct", part_variance=0.9)
    found = select_n_units(learn, [1, 2, 4], model=model, n_resamples=3)
    table = evaluation.n_units_table(found)
    assert table["n_units"].tolist() == [1, 2, 4]
    assert table.loc[table["picked"], "n_units"].tolist() == [found.n_units]
    assert table.loc[table["within_one_error"], "n_units"].min() == found.n_units
    assert (table["low"] <= table["variance_explained"]).all()
    figure, (top, bottom) = plotting.new_figure(n_rows=2)
    plotting.draw_n_units(top, table, found.resamples)
    plotting.draw_stability(bottom, table)
    assert str(found.n_units) in [str(round(line.get_xdata()[0])) for line in top.lines]
    assert "people left out" in plotting.Figure(figure, alt="Two curves.", caption="people left out").html


def test_the_search_is_seen_and_the_cell_taken_is_marked(learn: pd.DataFrame, front: pd.DataFrame) -> None:
    model = FullFaceModel(3, part_variance=0.95).fit(learn)
    steps = evaluation.search_steps(model)
    taken = steps[steps["chosen"]].set_index("part")
    assert taken["alpha"].to_dict() == model.part_alphas_
    assert taken["n_atoms"].sum() == len(model.atoms_)
    surface = evaluation.search_surface(learn, "lips", [1, 2], [0.5, 10.0])
    assert (
        surface.pivot_table(index="n_atoms", columns="alpha", values="variance_explained").diff(axis=1)[10.0].max() < 0
    )
    figure, axes = plotting.new_figure(5.4, 11, n_rows=3)
    plotting.draw_search_surface(axes[0], surface, steps, 95)
    plotting.draw_search_alphas(axes[1], steps, 95)
    plotting.draw_front(axes[2], front)
    assert "lips" in axes[0].get_xlabel()
    labels = [text.get_text() for text in axes[2].get_legend().get_texts()]
    assert labels == list(front["method"].unique())
    assert plotting.Figure(figure, alt="Three panels.").html
    with pytest.raises(DfecsError, match="no face part 'tail'"):
        evaluation.search_surface(learn, "tail", [1], [1.0])
