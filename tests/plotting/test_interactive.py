"""Figures that answer: a still one first, the same values live, plotly.js once and only where the page has none."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from dfecs_lib import plotting
from dfecs_lib.errors import DfecsError
from dfecs_lib.plotting import interactive


def curves(**options) -> plotting.HoverCurves:
    values = {"DFECS": [60.0, 70.26, np.nan], "PCA": [65.0, 75.0, 80.0]}
    given = {
        "xlabel": "number of units",
        "ylabel": "VE (%)",
        "alt": "Two curves.",
        "data": "simulated, <none>",
    } | options
    return plotting.HoverCurves([2, 4, 8], values, bands={"DFECS": ([58, 68, np.nan], [62, 72, np.nan])}, **given)


def codes() -> plotting.HoverCodes:
    values = [[0.0, 12.4], [np.nan, np.nan], [30.0, 2.0]]
    return plotting.HoverCodes([10, 11, 12], values, xlabel="frame", alt="Two strips.", data="simulated")


def graph_of(figure: plotting.Interactive) -> dict:
    return json.loads(re.search(r'dfecsHover\("h\w+",(\{.*?\})\);draw\(\)', figure.html)[1])


def test_the_still_figure_is_whole_without_any_script():
    html = curves().html
    still = html.partition('<div class="dfecs-still"')[2].partition('<div class="dfecs-live"')[0]
    assert 'role="img" aria-label="Two curves."' in still
    assert "VE (%)</text>" in still
    assert "Data: simulated, &lt;none&gt;." in html


def test_curves_tell_every_value_with_its_interval():
    graph = graph_of(curves())
    assert graph["said"] == [
        "number of units 2: DFECS 60.0 (58.0 to 62.0), PCA 65.0",
        "number of units 4: DFECS 70.3 (68.0 to 72.0), PCA 75.0",
        "number of units 8: DFECS –, PCA 80.0",
    ]
    lines = {trace["name"]: trace for trace in graph["data"] if trace.get("hoverinfo") != "skip"}
    assert lines["DFECS"]["y"] == [60.0, 70.26, None]
    assert lines["PCA"]["line"]["color"] == plotting.METHOD_COLORS["PCA"]
    assert lines["DFECS"]["line"]["dash"] != lines["PCA"]["line"]["dash"]  # colour is never the only difference


def test_codes_tell_the_active_units_largest_first():
    said = graph_of(codes())["said"]
    assert said == ["frame 10: unit 2: 12", "frame 11: no face", "frame 12: unit 1: 30, unit 2: 2"]


@pytest.mark.parametrize("make", [curves, codes])
def test_plotly_itself_accepts_the_graph(make):
    graph_objects = pytest.importorskip("plotly.graph_objects")
    graph = graph_of(make())
    figure = graph_objects.Figure({"data": graph["data"], "layout": graph["layout"]})
    told = [len(trace.x) for trace in figure.data if trace.hoverinfo != "skip"]
    assert set(told) == {len(graph["said"])}


def test_plotly_script_comes_once_in_a_notebook_and_never_where_the_page_brings_it(monkeypatch):
    monkeypatch.setattr(interactive, "_given", False)
    monkeypatch.setenv("DFECS_PLOTLY", "page")
    assert curves()._repr_html_() == curves().html
    monkeypatch.delenv("DFECS_PLOTLY")
    first, second = curves()._repr_html_(), codes()._repr_html_()
    assert len(first) > 3e6
    assert first.endswith(curves().html)
    assert second == codes().html
    assert "http" not in codes().html.replace("http://www.w3.org", "")


def test_same_figure_same_bytes_and_no_alt_text_no_figure():
    assert curves().html == curves().html
    with pytest.raises(DfecsError, match="alt text"):
        curves(alt="")


def test_a_name_cannot_end_the_script():
    still, _ = plotting.new_figure()
    figure = plotting.Interactive(still, [], {"title": {"text": "</script>"}}, ["</script>"], alt="None.")
    assert figure.html.count("</script>") == 1
