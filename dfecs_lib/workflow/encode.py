"""From a user's faces and units to codes."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Unpack

import pandas as pd

from dfecs_lib.data.from_files import Reading
from dfecs_lib.data.load import load_each
from dfecs_lib.models.base import UnitsBase
from dfecs_lib.workflow.faces_for import neutral_option, points_of, prepare_for, warn_of_notes

__all__ = ["encode"]


def encode(
    model: UnitsBase,
    sources: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    neutral: str | None = None,
    neutral_frame: int | None = None,
    neutral_from: str | os.PathLike[str] | None = None,
    smooth: float | None = None,
    **reading: Unpack[Reading],
) -> pd.DataFrame:
    """Encode every frame of a table, a video, or several of them in a folder.

    Parameters
    ----------
    model : estimator
        Units with ``metadata_``, such as `train` makes.
    sources
        See `dfecs_lib.load`.
    neutral, neutral_frame, smooth
        See `prepare_for`.
    neutral_from : str or path, optional
        ``FILE`` or ``FILE@FRAME``: measure motion from the resting face found there, as for single photos or a posed
        clip. One face serves all recordings; of several, each subject's own.
    **reading
        What may be said about files (`names`, `min_confidence`, `face`, `identity`, `picture_size`, `fps`, `strict`,
        `progress`): see `dfecs_lib.load`.

    Returns
    -------
    DataFrame
        One row for each frame read, NaN where a frame shows no face. Columns: ``time`` in seconds, where a source has
        it, then one a unit; ``attrs["columns"]`` says what each one's unit moves.
    """
    faces = load_each(sources, scheme=points_of(model), **reading)
    rest = neutral_option(neutral, neutral_from, reading.get("names"), points_of(model))
    prepared = prepare_for(model, faces, neutral=rest, neutral_frame=neutral_frame, smooth=smooth)
    warn_of_notes(prepared)
    codes = model.transform(prepared.motion)
    assert isinstance(codes, pd.DataFrame)
    index = faces[0].keypoints.index.append([data.keypoints.index for data in faces[1:]]).sort_values()
    whole = codes.reindex(index)
    times = [data.time for data in faces if data.time is not None]
    if times:
        whole.insert(0, "time", pd.concat(times).reindex(index))
    training = getattr(model, "metadata_", {}).get("training")
    history = [{"operation": "encode", "model": type(model).__name__, "training": training}]
    whole.attrs = {"unit": "registered pixels of motion", "columns": codes.attrs["columns"], "history": history}
    whole.attrs["neutral"] = json.loads(prepared.report.reset_index().to_json(orient="records"))
    return whole
