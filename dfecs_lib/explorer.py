"""Data for the page on which a reader moves a face by its units: everything precomputed, nothing left to compute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import convert, get_scheme
from dfecs_lib.plotting.faces import contours

if TYPE_CHECKING:
    from dfecs_lib.evaluation import UnitModel

__all__ = ["PRESETS", "explorer_data", "preset_motion"]

#: Expressions to start from: FACS action units and their intensities, 0-5, after the combinations that the FACS
#: literature lists as prototypes.
PRESETS: Mapping[str, Mapping[int, float]] = {
    "smile": {6: 4.0, 12: 4.0, 25: 2.0},
    "surprise": {1: 4.0, 2: 4.0, 5: 3.0, 26: 4.0},
    "sadness": {1: 4.0, 4: 3.0, 15: 4.0},
    "anger": {4: 4.0, 5: 3.0, 7: 3.0, 23: 3.0},
    "disgust": {9: 4.0, 10: 3.0, 17: 2.0},
    "fear": {1: 4.0, 2: 3.0, 4: 3.0, 5: 4.0, 20: 3.0, 25: 3.0},
}


def preset_motion() -> pd.DataFrame:
    """Return the motion of `PRESETS` on the simulated mean head, registered, one a row (68 points)."""
    from dfecs_lib.head3d import load_head
    from dfecs_lib.keypoints import make_table
    from dfecs_lib.preprocessing import make_preprocessor, motion_vectors
    from dfecs_lib.simulate import Face, channel_of

    wanted: list[Mapping[int, float]] = [{}, *PRESETS.values()]
    faces = Face(load_head().mean).express(np.array([channel_of(dict(units)) for units in wanted]))[..., :2]
    table = make_table(300 + 3 * faces, scheme="ibug68", frames=range(len(faces)), recording="presets")
    registered = make_preprocessor().fit_transform(table)
    motion = motion_vectors(registered, registered.iloc[[0]])
    assert isinstance(motion, pd.DataFrame)
    return motion.iloc[1:]


def _whole(values: ArrayLike) -> list[list[float]]:
    rounded: list[list[float]] = np.round(np.nan_to_num(np.asarray(values, dtype=np.float64)), 1).tolist()
    return rounded


def explorer_data(
    models: Mapping[str, UnitModel],
    neutral: pd.Series[float],
    scheme: str,
    clip: pd.DataFrame,
    *,
    data: str,
    clip_data: str,
    most_frames: int = 120,
) -> dict[str, object]:
    """Gather what the page needs, as JSON values.

    Parameters
    ----------
    models : mapping of name -> fitted model
        Sets of units to choose from, all of `scheme`.
    neutral : Series of shape (2K,)
        The face at rest.
    scheme : str
        Its keypoint scheme.
    clip : KPM table
        A recording to play, of any scheme; frames without a face are left out.
    data, clip_data : str
        What units and clip were made from, for the caption.
    most_frames : int
        A longer clip is thinned evenly.

    Returns
    -------
    dict
        ``neutral`` (2K numbers), ``lines``, ``mirror``, ``sets`` (units; for each unit the largest and the smallest
        code to offer; codes of presets and of the clip), ``presets``, ``clip`` (motion), and the captions.

    Raises
    ------
    DfecsError
        If the clip shows no face or a model is of another scheme.
    """
    found = get_scheme(scheme)
    motion = convert(clip, scheme) if clip.attrs.get("scheme") != scheme else clip
    motion = motion[motion.notna().any(axis=1)]
    if motion.empty:
        raise DfecsError("the clip to play shows no face")
    motion = motion.iloc[np.unique(np.linspace(0, len(motion) - 1, min(most_frames, len(motion))).round().astype(int))]
    presets = convert(preset_motion(), scheme)
    sets = {}
    for name, model in models.items():
        units = np.asarray(model.components_, dtype=np.float64)
        if units.shape[1] != 2 * found.n_points:
            raise DfecsError(f"the units of {name} have {units.shape[1]} numbers, not those of scheme {scheme!r}")
        offset = np.asarray(model.inverse_transform(np.zeros((1, len(units)))))[0]
        codes = {"presets": np.asarray(model.transform(presets)), "clip": np.asarray(model.transform(motion))}
        high, low = _range(np.concatenate(list(codes.values())), units)
        sets[name] = {
            "units": _whole(units * 100),  # in hundredths of a pixel a pixel of code
            "offset": _whole(offset[None])[0],
            "names": [str(n) for n in getattr(model, "unit_names_", range(1, len(units) + 1))],
            "high": _whole(high[None])[0],
            "low": _whole(low[None])[0],
            "presets": dict(zip(PRESETS, _whole(codes["presets"]), strict=True)),
            "clip": _whole(codes["clip"]),
        }
    return {
        "neutral": _whole(neutral.to_numpy()[None])[0],
        "lines": [[int(k) for k in line] for line in contours(found)],
        "mirror": [int(k) for k in found.mirror],
        "sets": sets,
        "presets": list(PRESETS),
        "clip": _whole(motion),
        "data": data,
        "clip_data": clip_data,
    }


def _range(codes: NDArray[np.float64], units: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the largest and smallest code of each unit that a slider offers: what occurs, and enough to see."""
    # A code at which the keypoint that moves most goes 60 px, a sixth of the eyes' distance.
    k = units.shape[1] // 2
    seen = 60 / np.maximum(np.hypot(units[:, :k], units[:, k:]).max(axis=1), 1e-6)
    known = np.nan_to_num(codes)
    signed = bool((known < -1e-9).any())
    high = np.maximum(known.max(axis=0), seen)
    return high, (np.minimum(known.min(axis=0), -seen) if signed else np.zeros(len(units)))
