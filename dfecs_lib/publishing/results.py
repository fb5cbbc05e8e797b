"""What a notebook found, kept beside it: numbers, tables and figures that the book quotes and readers download."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd

from dfecs_lib.errors import DfecsError
from dfecs_lib.files import whole_file, write_table

if TYPE_CHECKING:
    from dfecs_lib.evaluation import UnitModel
    from dfecs_lib.plotting.figure import Html

    Picture = TypeVar("Picture", bound=Html)

__all__ = ["Results"]


class Results:
    """A folder of results that grows as a notebook runs.

    Parameters
    ----------
    folder : path
        Made where absent. ``results.json`` holds the numbers; every table is a ``.parquet`` and a ``.csv``, every
        figure an ``.html`` snippet.

    Examples
    --------
    >>> import tempfile
    >>> found = Results(tempfile.mkdtemp())
    >>> found.number("n_units", 16)
    16
    >>> found.numbers
    {'n_units': 16}
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.numbers: dict[str, object] = {}
        self._write()

    def number(self, name: str, value: object) -> object:
        """Record one number, word or (nested) mapping of them, and return it as plain Python values.

        Raises
        ------
        DfecsError
            If the name is taken, or the value is no JSON value. NaN and infinity are recorded as null.
        """
        if name in self.numbers:
            raise DfecsError(f"the result {name!r} is already recorded")
        self.numbers[name] = _plain(name, value)
        self._write()
        return self.numbers[name]

    def models(
        self,
        models: Mapping[str, tuple[UnitModel, pd.DataFrame] | Sequence[tuple[UnitModel, pd.DataFrame]]],
        on: str = "the motion it learned from",
    ) -> object:
        """Record how many units each model has and what they are worth, by the measures that tables have.

        Parameters
        ----------
        models : mapping of name -> (fitted model, motion), or several of them
            Scores are over all frames of the motion: variance explained (squared form, percent), active units (codes
            that are not zero) and cancellation. Of several, such as the folds of a cross-validation, over all frames.
        on : str
            What that motion is, for the line under a chapter's title.
        """
        from dfecs_lib.evaluation import model_costs, score

        told = {}
        for name, given in models.items():
            pairs = [given] if isinstance(given, tuple) else list(given)
            costs = pd.concat([model_costs(model, motion) for model, motion in pairs])
            told[name] = {
                "n_units": max(len(model.components_) for model, _ in pairs),
                "variance_explained": score(costs)[0],
                "active_units": score(costs, "active_units")[0],
                "cancellation": score(costs, "cancellation")[0],
                "on": on,
            }
        return self.number("models", told)

    def table(self, name: str, table: pd.DataFrame) -> pd.DataFrame:
        """Save a table as Parquet and CSV, and return it."""
        for suffix in (".parquet", ".csv"):
            write_table(table, self.folder / f"{name}{suffix}")
        return table

    def figure(self, name: str, figure: Picture) -> Picture:
        """Save a figure's HTML, and return the figure so that the notebook shows it."""
        (self.folder / f"{name}.html").write_text(figure.html, encoding="utf-8")
        return figure

    def json(self, name: str, value: object) -> None:
        """Save data for a page's script, compactly."""
        text = json.dumps(_plain(name, value), separators=(",", ":"), allow_nan=False)
        (self.folder / f"{name}.json").write_text(text, encoding="utf-8")

    def path(self, name: str) -> Path:
        """Return the path of a file in the folder, for a model or a keypoint table."""
        return self.folder / name

    def _write(self) -> None:
        text = json.dumps(self.numbers, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        with whole_file(self.folder / "results.json") as partial:
            partial.write_text(text + "\n", encoding="utf-8")


def _plain(name: str, value: object) -> object:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int | bool):
        return value
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(f"{name}.{key}", item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(name, item) for item in value]
    raise DfecsError(f"the result {name!r} holds a {type(value).__name__}, which is no number, word, list or mapping")
