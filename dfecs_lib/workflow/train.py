"""From a user's faces to units."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from tqdm import tqdm

from dfecs_lib.data.from_files import Reading
from dfecs_lib.data.load import load_each
from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.files import natural_key
from dfecs_lib.keypoints.dataset import Dataset
from dfecs_lib.preprocessing import preparation
from dfecs_lib.tracking import tracker_of
from dfecs_lib.workflow.faces_for import warn_of_notes

__all__ = ["train"]


def train(
    sources: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    preprocessor: Pipeline | None = None,
    scheme: str | None = None,
    neutral: str | None = None,
    neutral_frame: int | None = None,
    reading: Reading | None = None,
    **settings: object,
) -> FullFaceModel:
    """Learn units from faces.

    Parameters
    ----------
    sources
        See `dfecs_lib.load`.
    preprocessor, scheme, neutral, neutral_frame
        See `dfecs_lib.prepare`. Tables of different schemes need `scheme`.
    reading : mapping, optional
        What may be said about files (`names`, `min_confidence`, `face`, `identity`, `picture_size`, `fps`, `strict`,
        `progress`), as for `dfecs_lib.load`.
    **settings
        Of `dfecs_lib.ffm.FullFaceModel`; what `reading` holds may be given here too.

    Returns
    -------
    FullFaceModel
        Its ``metadata_`` holds preprocessing, neutral rule and what it was trained on, and goes into its file.

    Examples
    --------
    >>> model = train(["happy.csv", "sad.csv"], n_units=8)  # doctest: +SKIP
    >>> model.save("units.npz")  # doctest: +SKIP
    """
    own = {key: settings.pop(key) for key in Reading.__annotations__ if key in settings}
    files = cast("Reading", {**(reading or {}), **own})
    faces = load_each(sources, scheme=scheme, **files)
    progress = files.get("progress", False)
    if progress:
        tqdm.write(f"registering {sum(len(data.keypoints) for data in faces):,} frames", file=sys.stderr)
    prepared = preparation(
        faces, preprocessor=preprocessor, scheme=scheme, neutral=neutral, neutral_frame=neutral_frame
    )
    warn_of_notes(prepared)
    motion = prepared.motion
    if not np.nan_to_num(motion.to_numpy()).any():
        raise DfecsError("no face moves: every frame is like its recording's neutral one; give longer recordings")
    if progress:
        tqdm.write(f"learning units from {len(motion):,} frames", file=sys.stderr)
    model = FullFaceModel(**settings).fit(motion)  # type: ignore[arg-type]  # checked by the model, by name
    training = model.metadata_["training"]
    assert isinstance(training, dict)
    subjects = [key for key in cast("pd.MultiIndex", motion.index).droplevel(["recording", "frame"]).unique() if key[1]]
    model.neutral_report_ = prepared.report
    model.metadata_["training"] = {
        **training,
        "subjects": len(subjects),
        "sources": sorted((_file_name(data) for data in faces), key=natural_key),  # in whatever order they were named
        "neutral_frame": neutral_frame,
        "trackers": _trackers(faces),
    }
    return model


def _trackers(faces: Sequence[Dataset]) -> list[str]:
    """Return the trackers of all faces; none where that of some is not known, so that nobody is warned in vain."""
    names = {tracker_of(data.keypoints) for data in faces}
    return [] if None in names else sorted(name for name in names if name)


def _file_name(data: Dataset) -> str:
    path = Path(data.name)  # a file's folder is nobody's business who is given the model
    return path.name if path.exists() else data.name
