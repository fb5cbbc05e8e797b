"""A notebook's results: plain JSON, tables that read back, no silent overwriting."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from dfecs_lib.errors import DfecsError
from dfecs_lib.plotting import Figure, new_figure
from dfecs_lib.publishing.results import Results


def stored(folder):
    return json.loads((folder / "results.json").read_text())


def test_numbers_are_kept_as_plain_json(tmp_path):
    results = Results(tmp_path / "new" / "folder")
    results.number("ve", np.float64(91.5))
    results.number("nested", {"DFECS": np.int64(3), "PCA": [1.0, float("nan")]})
    assert stored(tmp_path / "new" / "folder") == {"ve": 91.5, "nested": {"DFECS": 3, "PCA": [1.0, None]}}


def test_a_result_is_recorded_once(tmp_path):
    results = Results(tmp_path)
    results.number("ve", 1)
    with pytest.raises(DfecsError, match="already"):
        results.number("ve", 2)
    assert stored(tmp_path) == {"ve": 1}


def test_what_json_cannot_hold_is_refused(tmp_path):
    with pytest.raises(DfecsError, match="DataFrame"):
        Results(tmp_path).number("table", pd.DataFrame())


def test_a_new_run_does_not_inherit_an_old_runs_numbers(tmp_path):
    Results(tmp_path).number("old", 1)
    Results(tmp_path)
    assert stored(tmp_path) == {}


def test_tables_read_back_and_figures_are_snippets(tmp_path):
    results = Results(tmp_path)
    table = pd.DataFrame({"VE (%)": [90.0, 95.0]}, index=pd.Index(["DFECS", "PCA"], name="method"))
    pd.testing.assert_frame_equal(results.table("scores", table), table)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "scores.parquet"), table)
    assert (tmp_path / "scores.csv").read_text().startswith("method,VE (%)")
    figure, _ = new_figure()
    results.figure("empty", Figure(figure, alt="Empty axes."))
    assert (tmp_path / "empty.html").read_text().startswith("<figure")
