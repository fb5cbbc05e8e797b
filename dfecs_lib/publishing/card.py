"""A model's card: what its users must know, written from the model and from what was measured of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from dfecs_lib import __version__

if TYPE_CHECKING:
    from dfecs_lib.ffm import FullFaceModel

__all__ = ["model_card", "unit_lines"]

_LIMITS = (
    "Meant for describing how the keypoints of a face move. Not meant for deciding about people, for identifying them, "
    "or for saying what they feel.",
    "The units are those of so few people; how well they fit other ages, origins, faces with a beard or glasses has "
    "not been measured.",
    "Motion towards the camera is not in the keypoints; a face turned far away, or behind a hand, is coded wrongly.",
    "Codes are measured from a neutral face. If that face smiles, every code is measured from a smile.",
    "The names of the units were given after learning, from what moves; they are no FACS action units.",
)


def model_card(
    name: str,
    model: FullFaceModel,
    *,
    data: str,
    licence: str,
    held_out: Mapping[str, float | None],
    warnings: Sequence[str] = (),
) -> str:
    """Write the card of trained units, as Markdown.

    Parameters
    ----------
    name : str
        Of the units, and of their file without ``.npz``.
    model : FullFaceModel
        As `dfecs_lib.workflow.train` makes it.
    data : str
        What it learned from, in words: real or simulated, whose.
    licence : str
        Of those data.
    held_out : mapping of name -> number
        On people left out: ``ve_squared`` (percent), its interval ``low`` and ``high``, ``active_units``,
        ``cancellation``, ``people``.
    warnings : sequence of str
        What was wrong with the data, in sentences.

    Returns
    -------
    str

    Examples
    --------
    >>> print(model_card("clips-16", model, data="five clips", licence="CC0", held_out=scores))  # doctest: +SKIP
    """
    training = model.metadata_["training"]
    assert isinstance(training, dict)
    summary = model.summary().attrs
    settings = ", ".join(f"{k} = {v}" for k, v in model.get_params().items() if v is not None and k not in _RUN)
    prepared = model.metadata_.get("preprocessing")
    rows = pd.DataFrame(
        {
            "in sample": [summary["variance_explained"], summary["active_units"], summary["cancellation"]],
            "people left out": [held_out.get(k) for k in ("ve_squared", "active_units", "cancellation")],
        },
        index=["variance explained, squared (%)", "active units in a frame", "cancellation (1: nothing cancels)"],
    ).astype(float)
    lines = [f"| | {' | '.join(rows.columns)} |", "|---|---|---|"]
    for label, row in rows.iterrows():
        lines.append(f"| {label} | {' | '.join('–' if pd.isna(v) else f'{v:.2f}' for v in row)} |")
    low, high = held_out.get("low"), held_out.get("high")
    interval = (
        "" if low is None or high is None else f" 95 % interval of variance explained: {low:.1f} to {high:.1f} %."
    )
    people = f"{training['subjects']} people, {training['recordings']} recordings, {training['frames']:,} frames"
    tracker = ", ".join(training["trackers"]) or "not known"
    known = list(warnings)
    if training["trackers"]:
        known.append(
            f"Learned on points of {tracker}; another tracker's lie elsewhere on a face: codes do not compare."
        )
    faults = "".join(f"- {one}\n" for one in known)
    count = f"{len(model.components_)} units of the scheme {model.scheme_}"
    return f"""# Units: {name}

**File** {name}.npz, made by dfecs_lib {__version__}: {count}; nothing executable inside, no pictures.

**Learned from** {data}: {people}; tracker: {tracker}.

**Licence** of these data: {licence.rstrip(".")}. What may be done with units learned from them follows it.

**Settings** {settings}. Preprocessing: {prepared}.

## Measured

{chr(10).join(lines)}

*In sample* means on the very frames that the units were learned from: it flatters. *People left out*: units were
learned anew without the person who is tested, {held_out.get("people", "?")} people in all.{interval}

## The units

{chr(10).join(unit_lines(model))}

## Limits

{faults}{"".join(f"- {one}" + chr(10) for one in _LIMITS)}"""


#: Settings that change nothing of the model.
_RUN = ("n_jobs", "progress")


def unit_lines(model: FullFaceModel) -> list[str]:
    """Return a Markdown table of a model's units: name, what it moves, share of the training motion, frames active.

    Examples
    --------
    >>> unit_lines(model)[2]  # doctest: +SKIP
    '| U01 | lower lip down | 20.1 | 30 |'
    """
    table = model.summary()
    lines = ["| Unit | Moves | Share of training motion (%) | Active in frames (%) |", "|---|---|---|---|"]
    for unit, row in table.iterrows():
        lines.append(f"| {unit} | {row['name']} | {row['variance_share']:.1f} | {row['active_frames']:.0f} |")
    return lines
