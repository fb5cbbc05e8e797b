"""Faces prepared as a model's training data were."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from dfecs_lib.data.load import load
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import get_scheme
from dfecs_lib.keypoints.dataset import Dataset
from dfecs_lib.models.base import UnitsBase
from dfecs_lib.preprocessing import Preparation, from_settings, preparation
from dfecs_lib.tracking import tracker_of

__all__ = ["neutral_faces", "points_of", "prepare_for", "warn_of_notes"]


def prepare_for(
    model: UnitsBase,
    faces: Dataset | pd.DataFrame | Sequence[Dataset | pd.DataFrame],
    *,
    neutral: str | pd.DataFrame | None = None,
    neutral_frame: int | None = None,
    smooth: float | None = None,
) -> Preparation:
    """Prepare faces as the model's training data were: same preprocessing, same keypoint scheme, same neutral rule.

    Parameters
    ----------
    model : estimator
        Units that know how their training motion was made, such as those of `train`, or fitted to what
        `dfecs_lib.prepare` returned.
    faces : Dataset, keypoint table, or a sequence of them
        See `dfecs_lib.prepare`.
    neutral, neutral_frame
        See `dfecs_lib.prepare`; by default as in training. A frame number given in training is not taken over, since
        it belonged to those recordings.
    smooth : float, optional
        Seconds over which tracks are smoothed first, other than in training (0: not at all).

    Raises
    ------
    DfecsError
        If the model does not say how, as one fitted to an array.
    """
    metadata = getattr(model, "metadata_", {})
    settings, rule = metadata.get("preprocessing"), metadata.get("neutral")
    if not isinstance(settings, dict):
        raise DfecsError(
            "this model does not say how its faces were prepared; train it with 'dfecs train', or fit it to a table of "
            "dfecs_lib.prepare"
        )
    _warn_of_trackers(metadata.get("training"), faces)
    if smooth is not None:
        settings = {key: value for key, value in settings.items() if key not in ("smooth", "frames_per_second")}
        settings |= {"smooth": smooth} if smooth else {}
    by_default = rule if isinstance(rule, str) and rule != "given" else None
    return preparation(
        faces,
        preprocessor=from_settings(settings),
        scheme=getattr(model, "scheme_", None),
        neutral=neutral if neutral is not None or neutral_frame is not None else by_default,
        neutral_frame=neutral_frame,
    )


def _warn_of_trackers(training: object, faces: Dataset | pd.DataFrame | Sequence[Dataset | pd.DataFrame]) -> None:
    """Warn when faces come from a tracker that the model's training data did not: points lie elsewhere on a face."""
    known = training.get("trackers") if isinstance(training, dict) else None
    if not isinstance(known, list) or not known:
        return
    items = list(faces) if isinstance(faces, Sequence) else [faces]
    tables = [item if isinstance(item, pd.DataFrame) else item.keypoints for item in items]
    others = sorted({name for table in tables if (name := tracker_of(table)) and name not in known})
    if others:
        trained = ", ".join(map(str, known))
        warnings.warn(
            f"these faces were tracked by {', '.join(others)}, the units were learnt on {trained}: their points lie "
            "elsewhere on a face, so that codes are not comparable",
            stacklevel=4,
        )


def points_of(model: UnitsBase) -> str | None:
    """Return the scheme that faces are to be loaded in for a model: its own, where it has other points than iBUG's."""
    name = getattr(model, "scheme_", None)
    return name if name is not None and get_scheme(name).dense else None


def neutral_faces(source: str, *, names: str | None = None, scheme: str | None = None) -> pd.DataFrame:
    """Return the neutral faces of ``FILE``, ``FILE:FRAME`` or ``FILE@FRAME``: that frame, else one a recording, chosen.

    Returns
    -------
    keypoint table
        Rows of the file, not registered: what `dfecs_lib.prepare` takes as `neutral`.
    """
    head, _, frame = source.rpartition(":")
    data = load(
        f"{head}@{frame}" if head and frame.isdigit() and not Path(source).exists() else source,
        names=names,
        scheme=scheme,
    )
    if data.neutral is not None:
        return data.neutral
    chosen = preparation(data).neutral
    rows = data.keypoints.loc[chosen.index]
    rows.attrs = data.keypoints.attrs
    return rows


def neutral_option(
    neutral: str | None, neutral_from: str | os.PathLike[str] | None, names: str | None, scheme: str | None = None
) -> str | pd.DataFrame | None:
    """Return what `prepare` is to take as neutral, of a rule's name or a file's; both at once are refused."""
    if neutral_from is None:
        return neutral
    if neutral is not None:
        raise DfecsError("neutral and neutral_from exclude each other; give one of them")
    return neutral_faces(os.fspath(neutral_from), names=names, scheme=scheme)


def warn_of_notes(prepared: Preparation) -> None:
    """Warn, in one sentence each, of the recordings that a preparation left out."""
    for note in prepared.notes:
        warnings.warn(note, stacklevel=3)
