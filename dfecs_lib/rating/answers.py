"""Read what raters exported: CSV or JSON files of the study page, as one checked table."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from dfecs_lib.errors import DfecsError
from dfecs_lib.files import write_csv

__all__ = ["COLUMNS", "read_answers", "write_answers"]

#: Columns of an export, in order.
COLUMNS = (
    *("study", "rater", "simulated", "seed", "guide", "position", "trial", "kind", "unit", "sign", "of", "expect"),
    *("wrong", "moving", "against", "none", "rating", "comment", "seconds"),
)
_POINTS = ("wrong", "moving", "against")


def _points(text: str) -> tuple[int, ...]:
    points = tuple(int(k) for k in text.split())
    if not all(0 <= k < 68 for k in points):
        raise ValueError(f"{text!r:.60} are no numbers of keypoints, 0 to 67")
    return points


def _read_one(path: Path) -> pd.DataFrame:
    try:
        if path.suffix.lower() == ".json":
            data = json.loads(path.read_text(encoding="utf-8"))
            rows = data["answers"] if isinstance(data, dict) else data
            texts = [{key: str(value) for key, value in row.items()} for row in rows]
            table = pd.DataFrame(texts).fillna("").replace({"True": "true", "False": "false"})
        else:
            table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except OSError as error:
        raise DfecsError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DfecsError(f"{path}: not an export of a rater study ({reason[:200]})") from error
    lacking = [c for c in COLUMNS if c not in table.columns]
    if lacking:
        raise DfecsError(f"{path}: not an export of a rater study; it lacks the columns {', '.join(lacking)}")
    if not len(table):
        raise DfecsError(f"{path}: holds no answer")
    try:
        out = table[list(COLUMNS)].copy()
        for name in _POINTS:
            out[name] = [_points(text) for text in table[name]]
        for name in ("position", "sign", "rating", "seed"):
            out[name] = table[name].astype(int)
        for name in ("simulated", "none", "guide"):
            out[name] = table[name].str.lower().eq("true")
        out["seconds"] = table["seconds"].astype(float)
    except (ValueError, OverflowError) as error:
        raise DfecsError(f"{path}: a value is not of its column's kind ({str(error)[:200]!r})") from error
    wrong = out[~out["rating"].between(1, 5) | ~out["sign"].isin((1, -1))]
    if len(wrong):
        raise DfecsError(
            f"{path}: line {int(wrong.index[0]) + 2} has a rating outside 1–5 or a sign that is not 1 or -1"
        )
    out["file"] = path.name
    return out


def read_answers(files: Iterable[str | os.PathLike[str]] | str | os.PathLike[str]) -> pd.DataFrame:
    """Read exports of one study, of any number of raters.

    Parameters
    ----------
    files : path or paths
        CSV or JSON exports. A rater may have exported twice; of two answers to one trial the later file's counts.

    Returns
    -------
    DataFrame
        One row a (rater, trial), columns `COLUMNS` and ``file``; keypoint columns hold tuples of iBUG-68 numbers.
        ``attrs["replaced"]`` counts answers that a later file replaced.

    Raises
    ------
    DfecsError
        If a file is not an export, or if files of different studies are mixed.
    """
    paths = [files] if isinstance(files, (str, os.PathLike)) else list(files)
    if not paths:
        raise DfecsError("no answer files given")
    table = pd.concat([_read_one(Path(p)) for p in paths], ignore_index=True)
    studies = table.groupby("study")["file"].unique()
    if len(studies) > 1:
        named = "; ".join(f"{study}: {', '.join(found)}" for study, found in studies.items())
        raise DfecsError(f"the files are of different studies, which cannot be pooled ({named})")
    last = table.drop_duplicates(["rater", "trial"], keep="last")
    merged = table.merge(last[["rater", "trial", "against", "rating"]], on=["rater", "trial"], suffixes=("", "_last"))
    changed = (merged["against"] != merged["against_last"]) | (merged["rating"] != merged["rating_last"])
    out = last.sort_values(["rater", "position"]).reset_index(drop=True)
    out.attrs["replaced"] = int(changed.sum())
    return out


def write_answers(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write answers as the page exports them (CSV)."""
    out = table[list(COLUMNS)].copy()
    for name in _POINTS:
        out[name] = [" ".join(map(str, points)) for points in table[name]]
    for name in ("simulated", "none", "guide"):
        out[name] = out[name].map({True: "true", False: "false"})
    write_csv(out, path, index=False)
