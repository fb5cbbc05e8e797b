"""The authors' published figures, as data, and beside what was measured.

Published and measured figures meet only on the same data: a figure on simulated or other faces is never set beside a
published one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Hashable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from dfecs_lib.errors import DfecsError

__all__ = [
    "DATASETS",
    "measured_results",
    "published_beside_measured",
    "published_claims",
    "published_curves",
    "published_detection",
    "published_figures",
]

#: Datasets as the papers name them -> as the manifest does.
DATASETS: Mapping[str, str] = {"DISFA": "disfa", "CK+": "ckplus", "BP4D-Spontaneous": "bp4d"}
_KEYS = ["method", "train", "test", "against", "alternative", "metric", "n_units"]


@cache
def _content() -> dict[str, object]:
    content = json.loads((files("dfecs_lib.publishing") / "published.json").read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def published_figures() -> pd.DataFrame:
    """Every published figure, one a row.

    Returns
    -------
    DataFrame
        ``experiment, quantity, method, train, test, against, alternative, n_units, metric, value, unit, source,
        cite``. What does not apply is missing.

    Examples
    --------
    >>> figures = published_figures()
    >>> float(figures.query("quantity == 'number of units' and method == 'DFECS'")["value"].iloc[0])
    16.0
    """
    content = _content()
    sources = content["sources"]
    assert isinstance(sources, dict)
    entries = content["figures"]
    assert isinstance(entries, list)
    table = pd.DataFrame(entries)
    table["n_units"] = table["n_units"].astype("Int64")
    table["value"] = table["value"].astype(np.float64)
    table["cite"] = table["source"].map({key: entry["cite"] for key, entry in sources.items()})
    order = ["experiment", "quantity", "method", "train", "test", "against", "alternative", "n_units", "metric"]
    return table.reindex(columns=[*order, "value", "unit", "source", "cite"])


def published_detection() -> pd.DataFrame:
    """Published figures of AU detection, for a table of their own: ``method, dataset, metric, value, protocol``.

    F1 in percent. Those detectors are trained on labels and see pictures; figures of other protocols or faces belong in
    no column with them.
    """
    entries = _content()["detection"]
    assert isinstance(entries, list)
    return pd.DataFrame(entries)


def published_curves() -> pd.DataFrame:
    """The published least-angle curves: ``method, test, n_units, value`` (percent, norm-ratio formula)."""
    figures = published_figures()
    curves = figures[figures["experiment"] == "least-angle curve"]
    return curves.loc[:, ["method", "test", "n_units", "value"]].astype({"n_units": int}).reset_index(drop=True)


def _sets(*names: object) -> list[str]:
    """Dataset names in a figure's train, test and against fields."""
    return [part for name in names if isinstance(name, str) for part in name.split(" and ")]


def _measured(row: Mapping[str, object], results: pd.DataFrame) -> float:
    """Return the mean measured value for one published figure; NaN where a part of it was not measured."""
    found = results
    for key in ("method", "train", "against", "alternative", "metric"):
        value = row[key]
        if isinstance(value, str):
            found = found[found[key] == DATASETS.get(value, value)]
        elif key == "against":
            found = found[found[key].isna()]
    units = row["n_units"]
    found = found[found["n_units"] == units] if isinstance(units, int) else found[found["n_units"].isna()]
    if not isinstance(row["test"], str):
        return float(found["value"].mean()) if len(found) else float("nan")
    values = [found.loc[found["test"] == DATASETS[name], "value"].mean() for name in _sets(row["test"])]
    return float(np.mean(values)) if values else float("nan")


def published_beside_measured(results: pd.DataFrame | None = None) -> pd.DataFrame:
    """Every published figure, the measured one where the same data are present, and the difference.

    Parameters
    ----------
    results : DataFrame, optional
        Tidy measured scores with the columns ``method, train, test, metric, value`` and, where they apply, ``n_units``
        (active units, on a least-angle path), ``against`` (the rival training set of a test) and ``alternative``.
        Datasets by their names in the manifest; rows on any other data are passed over. See `measured_results`.

    Returns
    -------
    DataFrame
        `published_figures` with ``published`` for ``value``, and ``measured``, ``difference`` (measured − published)
        and ``note``: which datasets are needed, where there is no measured figure.

    Raises
    ------
    DfecsError
        If `results` lacks a column.

    Examples
    --------
    >>> published_beside_measured()["note"].iloc[0]
    'needs DISFA'
    """
    wanted = ["method", "train", "test", "metric", "value"]
    table = pd.DataFrame(columns=wanted) if results is None else results
    missing = [name for name in wanted if name not in table]
    if missing:
        raise DfecsError(f"measured results lack the columns {', '.join(missing)}")
    table = table.reindex(columns=[*_KEYS, "value"])
    known = set(DATASETS.values())
    named = table["test"].isin(known) | table["test"].isna()
    trained = table["train"].isin(known) | table["train"].isna()
    table = table[named & trained]
    out = published_figures().rename(columns={"value": "published"})
    rows = out.to_dict("records")
    out["measured"] = [_measured({str(k): v for k, v in row.items()}, table) for row in rows]
    out["difference"] = out["measured"] - out["published"]
    out["note"] = [_note(row, bool(np.isfinite(m))) for row, m in zip(rows, out["measured"], strict=True)]
    return out


def published_claims(results: pd.DataFrame | None = None) -> pd.DataFrame:
    """What the authors claim, in words, and what was measured on the same data.

    Parameters
    ----------
    results : DataFrame, optional
        As for `published_beside_measured`.

    Returns
    -------
    DataFrame
        ``claim, published, measured, note, cite``. ``measured`` is a figure, or for a comparison by how many points the
        units are ahead (NaN: not measured here; then ``note`` says what it takes).

    Examples
    --------
    >>> published_claims()["note"].iloc[0]
    'needs DISFA'
    """
    content = _content()
    claims, sources = content["claims"], content["sources"]
    assert isinstance(claims, list)
    assert isinstance(sources, dict)
    table = pd.DataFrame(columns=_KEYS) if results is None else results
    table = table.reindex(columns=[*_KEYS, "value"])
    rows = []
    for entry in claims:
        wanted = {**dict.fromkeys(_KEYS), **entry, "against": None}
        value = _measured(wanted, table)
        if "against" in entry:
            rival = str(entry["against"])
            given = {"train": None} if rival.startswith("FACS") else {}  # exemplars are not trained
            value -= _measured({**wanted, "method": rival, **given}, table)
        note = _note({**wanted, "method": entry.get("against", entry["method"])}, bool(np.isfinite(value)))
        rows.append((entry["claim"], entry["published"], value, note, sources[entry["source"]]["cite"]))
    return pd.DataFrame(rows, columns=["claim", "published", "measured", "note", "cite"])


def measured_results(
    pairs: str | os.PathLike[str] | None = None, facs: str | os.PathLike[str] | None = None
) -> pd.DataFrame:
    """Gather what the results pages recorded in the form that `published_beside_measured` takes.

    Parameters
    ----------
    pairs : path, optional
        Results folder of the page on every pair of data sets. Its figures of DFECS are taken only where those are of
        the paper's own recipe (``encoder="hierarchical"``).
    facs : path, optional
        Results folder of the page on FACS units. Its curves without the registration anchors are taken, as published;
        those of FACS units only where the exemplar faces are not simulated.

    Returns
    -------
    DataFrame
        ``method, train, test, against, alternative, metric, n_units, value``; empty where nothing is given.
    """
    parts = [pd.DataFrame(columns=[*_KEYS, "value"])]
    if pairs:
        folder = Path(pairs)
        scores, enough = pd.read_parquet(folder / "pairs.parquet"), pd.read_parquet(folder / "enough.parquet")
        if json.loads((folder / "results.json").read_text(encoding="utf-8"))["encoder"] != "hierarchical":
            scores, enough = scores[scores["method"] != "DFECS"], enough[enough["method"] != "DFECS"]
        parts += [scores[scores["train"] != scores["test"]], enough]
        sizes = pd.read_parquet(folder / "sets.parquet")["frames"]
        for name, metric in (("disfa", "frames_after_error_log"), ("ckplus", "frames")):
            if name in sizes.index:
                parts.append(pd.DataFrame([{"train": name, "metric": metric, "value": float(sizes[name])}]))
        drawn = enough[(enough["metric"] == "frames_trained_on") & (enough["method"] == "PCA")]
        parts.append(drawn.drop(columns="method"))
        tests = folder / "tests_trains_PCA.parquet"
        if tests.is_file():
            parts += [_both_ways(row) for row in pd.read_parquet(tests).to_dict("records")]
    if facs:
        curves = pd.read_parquet(Path(facs) / "curves.parquet")
        curves = curves[(curves["path"] == "lar") & (curves["points"] == "without anchors")]
        found = json.loads((Path(facs) / "results.json").read_text(encoding="utf-8"))
        learned = ~curves["method"].str.startswith("FACS")
        curves = curves.assign(train=pd.Series(found["train"], index=curves.index).where(learned))
        parts.append(curves[learned] if "simulated" in found["exemplars"] else curves)
    whole = pd.concat([part.reindex(columns=[*_KEYS, "value"]).astype(object) for part in parts], ignore_index=True)
    return whole.astype({"value": np.float64})


def _both_ways(row: Mapping[Hashable, object]) -> pd.DataFrame:
    """One independent 30-chunk test as one-sided tests of a against b and of b against a."""
    if row["test"] != "30 chunks, independent":
        return pd.DataFrame()
    t, p = float(str(row["t"])), float(str(row["p"]))
    rows = []
    for a, b, sign in ((row["a"], row["b"], 1), (row["b"], row["a"], -1)):
        for alternative, side in (("greater", 1), ("less", -1)):
            where = {
                "method": row["method"],
                "train": a,
                "against": b,
                "test": row["on"],
                "alternative": alternative,
            }
            one_sided = p / 2 if sign * side * t > 0 else 1 - p / 2
            rows += [{**where, "metric": "t", "value": sign * t}, {**where, "metric": "p", "value": one_sided}]
    return pd.DataFrame(rows)


def _note(row: Mapping[object, object], measured: bool) -> str:
    if measured:
        return ""
    if row["metric"] == "speed":
        return "another machine; see the benchmarks"
    if row["metric"] == "interpretable":
        return "needs DISFA and volunteers"
    needed = list(dict.fromkeys(_sets(row["train"], row["test"], row["against"])))
    if str(row["method"]).startswith("FACS"):
        needed.append("exemplar faces of the FACS manual")
    return "needs " + ", ".join(needed[:-1]) + (" and " if len(needed) > 1 else "") + needed[-1]
