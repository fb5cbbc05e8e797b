"""Action units that FACS names, from the codes of a user's faces: probes trained and tested on labelled frames."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Unpack

import numpy as np
import pandas as pd
from sklearn.preprocessing import FunctionTransformer

from dfecs_lib.data.from_files import Reading
from dfecs_lib.data.load import load_each
from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.detection import MEASURES, Probe, detect, fit_probe, measure_table
from dfecs_lib.evaluation.detection.probe import Kind
from dfecs_lib.evaluation.subjects import subject_names
from dfecs_lib.keypoints.dataset import Dataset
from dfecs_lib.keypoints.labels import INTENSITY, OCCURRENCE, PROBABILITY
from dfecs_lib.models.base import UnitsBase
from dfecs_lib.workflow.faces_for import points_of, prepare_for, warn_of_notes

__all__ = ["evaluate_probe", "train_probe"]

Sources = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
#: How labels that are no intensities count: by which factor they become steps of intensity (2 and more: present).
_STEPS = {INTENSITY: 1.0, OCCURRENCE: 2.0, PROBABILITY: 4.0}


def train_probe(
    model: UnitsBase,
    sources: Sources,
    *,
    kind: Kind = "linear",
    context: int = 0,
    n_splits: int | None = None,
    **reading: Unpack[Reading],
) -> Probe:
    """Train a probe on labelled faces, with a model card that says how well it does on people left out.

    Parameters
    ----------
    model : estimator
        Units that know how faces are to be prepared, such as those of `train`.
    sources, **reading
        See `dfecs_lib.load`; with AU labels in them. Another program's estimates (OpenFace, Py-Feat) are labels too,
        and the card calls them estimates.
    kind, context
        See `fit_probe`.
    n_splits : int, optional
        Folds of people for the card; one a person by default, five at most.

    Raises
    ------
    DfecsError
        If the faces have no labels, or too few people are labelled.
    """
    codes, labels, about = _labelled(model, sources, reading)
    people = subject_names(codes).nunique()
    folds = min(people, 5) if n_splits is None else n_splits
    probe = fit_probe(codes, labels, kind=kind, context=context, card=about)
    given = FunctionTransformer()
    predicted = detect(
        {"probe": lambda *_: given}, codes, labels, n_splits=folds, kind=kind, context=context, keypoints=False
    )
    table = measure_table({"probe": predicted["probe"]}, labels[list(probe.action_units)])
    measures = {
        str(au): {str(r["measure"]): [_json(r[c]) for c in ("value", "low", "high")] for _, r in rows.iterrows()}
        for au, rows in table.groupby("au", sort=False)
    }
    left_out = {"people_left_out_in_folds": folds, "measures": measures, "measures_are": "value, low, high (95 %)"}
    return Probe(**{**vars(probe), "card": {**probe.card, **left_out}})


def evaluate_probe(
    probe: Probe,
    model: UnitsBase,
    sources: Sources,
    **reading: Unpack[Reading],
) -> pd.DataFrame:
    """Return how well a probe does on other labelled faces: a row an AU, and the mean over AUs (``macro``).

    Parameters as in `train_probe`. Columns: measures of `dfecs_lib.evaluation.detection.measures`, each with the bounds
    of its 95 % interval over people (``f1_low``, ``f1_high`` …); NaN where undefined.
    """
    codes, labels, _ = _labelled(model, sources, reading)
    known = [au for au in probe.action_units if au in labels.columns]
    if not known:
        raise DfecsError(f"the labels hold none of the probe's action units ({', '.join(probe.action_units)})")
    table = measure_table({"probe": probe.predict(codes)}, labels[known])
    wide = table.set_index(["au", "measure"])[["value", "low", "high"]].unstack()  # noqa: PD010
    columns = {
        name if bound == "value" else f"{name}_{bound}": wide[bound, name]
        for name in MEASURES
        for bound in ("value", "low", "high")
    }
    return pd.DataFrame(columns).loc[[*known, "macro"]]


def _json(value: object) -> float | None:
    number = float(str(value))
    return round(number, 4) if np.isfinite(number) else None


def _labelled(
    model: UnitsBase, sources: Sources, reading: Reading
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, object]]:
    """Return codes, labels as intensities, and what a model card says of them."""
    faces = load_each(sources, scheme=points_of(model), **reading)
    tables = [_intensities(data) for data in faces]
    labels = pd.concat([table for table, _ in tables]).sort_index()
    prepared = prepare_for(model, faces)
    warn_of_notes(prepared)
    codes = model.transform(prepared.motion)
    assert isinstance(codes, pd.DataFrame)
    about: dict[str, object] = {
        "data": [data.name for data in faces],
        "labels": sorted({unit for _, unit in tables}),
        "simulated": any(hasattr(data, "truth") for data in faces),
        "units": type(model).__name__,
        "units_training": getattr(model, "metadata_", {}).get("training"),
    }
    return codes, labels, about


def _intensities(data: Dataset) -> tuple[pd.DataFrame, str]:
    labels = data.action_units
    if labels is None:
        raise DfecsError(f"{data.name}: has no action unit labels; a probe needs labelled faces")
    unit = str(labels.attrs.get("unit", INTENSITY))
    history = labels.attrs.get("history", [])
    estimated = any("estimate" in str(entry) or entry.get("operation") == "read_openface" for entry in history)
    about = f"{unit}, another program's estimates" if estimated or unit == PROBABILITY else unit
    return labels * _STEPS.get(unit, 1.0), about
