"""How well units explain a user's faces."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Unpack

import numpy as np
import pandas as pd

from dfecs_lib import metrics
from dfecs_lib.data.from_files import Reading
from dfecs_lib.data.load import load_each
from dfecs_lib.evaluation.noise import noise_ceiling
from dfecs_lib.models.base import UnitsBase
from dfecs_lib.workflow.faces_for import neutral_option, points_of, prepare_for, warn_of_notes

__all__ = ["evaluate"]


def evaluate(
    model: UnitsBase,
    sources: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    neutral: str | None = None,
    neutral_frame: int | None = None,
    neutral_from: str | os.PathLike[str] | None = None,
    smooth: float | None = None,
    **reading: Unpack[Reading],
) -> pd.DataFrame:
    """Return how well units explain faces that they need not have seen.

    Parameters
    ----------
    model, sources, neutral, neutral_frame, neutral_from, smooth, **reading
        See `encode`.

    Returns
    -------
    DataFrame
        One row a table, and ``all`` where there are several. ``frames`` encoded; ``variance_explained`` (squared,
        uncentred), ``norm_variance_explained`` and ``frame_variance_explained`` in percent; ``active_units`` a frame,
        those that make up a twentieth of its motion at least; ``cancellation``, how much units take from each other;
        ``sparsity``, the share of codes that are zero; ``noise_ceiling``, the variance that units with the true motion
        would explain (`dfecs_lib.evaluation.noise.noise_ceiling`), and ``share_of_ceiling``, both in percent and NaN
        where a recording has no second of frames in a row, or never keeps still (units would pass the ceiling).
    """
    faces = load_each(sources, scheme=points_of(model), **reading)
    rest = neutral_option(neutral, neutral_from, reading.get("names"), points_of(model))
    prepared = prepare_for(model, faces, neutral=rest, neutral_frame=neutral_frame, smooth=smooth)
    warn_of_notes(prepared)
    whole = prepared.motion
    motions = {data.name: _rows(whole, data.keypoints.index) for data in faces}
    motions = {name: motion for name, motion in motions.items() if len(motion)}
    if len(motions) > 1:
        motions["all"] = whole
    table = pd.DataFrame.from_dict({name: _scores(model, motion) for name, motion in motions.items()}, orient="index")
    return table.astype({"frames": int}).rename_axis("table")


def _rows(motion: pd.DataFrame, index: pd.Index) -> pd.DataFrame:
    rows = motion.loc[motion.index.isin(index)]
    rows.attrs = motion.attrs
    return rows


def _scores(model: UnitsBase, motion: pd.DataFrame) -> Mapping[str, float]:
    codes = model.transform(motion)
    reconstruction = model.inverse_transform(codes)
    explained = metrics.variance_explained(motion, reconstruction)
    return {
        "frames": int(np.isfinite(np.asarray(codes)).all(axis=1).sum()),
        "variance_explained": explained,
        "norm_variance_explained": metrics.norm_variance_explained(motion, reconstruction),
        "frame_variance_explained": metrics.frame_variance_explained(motion, reconstruction),
        "active_units": metrics.active_units(codes, units=model.components_),
        "cancellation": metrics.cancellation(codes, model.components_),
        "sparsity": metrics.sparsity(codes),
        **_of_ceiling(motion, explained),
    }


def _of_ceiling(motion: pd.DataFrame, explained: float) -> Mapping[str, float]:
    """Return the noise ceiling of all recordings together, by their energy, and the share of it that is explained."""
    found = noise_ceiling(motion).dropna()
    energy = float((found["energy"] * found["frames"]).sum())
    noise = float((2 * found["noise"] * found["frames"]).sum())
    ceiling = 100 * (1 - noise / energy) if energy > 0 else float("nan")
    if not ceiling > explained:  # no stretch was still: motion was taken for noise
        ceiling = float("nan")
    return {"noise_ceiling": ceiling, "share_of_ceiling": 100 * explained / ceiling}
