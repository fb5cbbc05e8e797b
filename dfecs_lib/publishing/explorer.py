"""Data for the page on which a reader moves a face by its units: everything precomputed, little left to compute."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.anatomy.contours import contours
from dfecs_lib.errors import DfecsError
from dfecs_lib.interpretability import as_units
from dfecs_lib.interpretability.facs import FACS
from dfecs_lib.keypoints import convert, get_scheme
from dfecs_lib.models.naming import unit_names

if TYPE_CHECKING:
    from dfecs_lib.evaluation import UnitModel

__all__ = ["PRESETS", "Clip", "explorer_data", "preset_motion"]

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

# At a slider's end the keypoint that moves most goes this far at least: a fifteenth of the eyes' distance.
_VISIBLE_PX = 40.0


@dataclass(frozen=True, eq=False)
class Clip:
    """A recording to play.

    Parameters
    ----------
    about : str
        What the reader is told of it. Say "simulated" where the face is.
    motion : KPM table
        One recording, of any scheme.
    fps : float
        Frames a second.
    """

    about: str
    motion: pd.DataFrame
    fps: float = 25.0


def preset_motion() -> pd.DataFrame:
    """Return the motion of `PRESETS` on the simulated mean head, registered, one a row (68 points).

    Examples
    --------
    >>> preset_motion().shape
    (6, 136)
    """
    from dfecs_lib.anatomy.head import load_head
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


def _hints(model: UnitModel, scheme: str) -> list[str]:
    """Words under each slider: of a FACS unit what the manual calls it, of another what it moves."""
    own = getattr(model, "unit_names_", None)
    if own is None:
        return unit_names(model, scheme)
    numbers = [int(name[2:]) if name[2:].isdigit() else 0 for name in own]
    return [FACS[number].name if number in FACS else "" for number in numbers]


def _nearest(units: NDArray[np.float64], models: Mapping[str, UnitModel]) -> list[str]:
    """Return of each unit the FACS unit of the set "FACS" that points most its way, with the cosine; "" without one."""
    facs = models.get("FACS")
    if facs is None or np.asarray(facs.components_).shape[1] != units.shape[1]:
        return [""] * len(units)
    theirs = np.asarray(facs.components_, dtype=np.float64)
    sizes = np.outer(np.linalg.norm(units, axis=1), np.linalg.norm(theirs, axis=1))
    cosines = units @ theirs.T / np.maximum(sizes, 1e-12)
    names = [str(name) for name in getattr(facs, "unit_names_", range(1, len(theirs) + 1))]
    return [f"{names[k]} ({row[k]:.2f})" for row in cosines for k in [int(row.argmax())]]


def explorer_data(
    models: Mapping[str, UnitModel],
    neutral: pd.Series[float],
    scheme: str,
    clips: Sequence[Clip],
    *,
    data: str,
    about: Mapping[str, str] | None = None,
    most_frames: int = 120,
    shown_fps: float = 15.0,
) -> dict[str, object]:
    """Gather what the page needs, as JSON values.

    Codes are in percent of a unit's largest code among the presets and clips, which is a slider's end.

    Parameters
    ----------
    models : mapping of name -> fitted model
        Sets of units to choose from, all of `scheme`.
    neutral : Series of shape (2K,)
        The face at rest.
    scheme : str
        Its keypoint scheme.
    clips : sequence of Clip
        Recordings to play; frames that lack a point of `scheme` are left out.
    data : str
        What the units were made from, for the caption.
    about : mapping of name -> sentence, optional
        What the reader should know about a set.
    most_frames : int
        Frames of each clip at most, from its beginning.
    shown_fps : float
        A faster clip is thinned to about so many frames a second.

    Returns
    -------
    dict
        ``neutral`` (2K numbers), ``lines``, ``mirror``, ``scheme`` and ``schemes`` (iBUG numbers of points), ``sets``
        (``units``: px at 100 %; ``signed``; ``nearest``: the FACS unit of the set "FACS" that is most alike, with the
        cosine; codes of presets and clips), ``presets``, ``clips`` (motion, frame numbers, ``moments``: positions of
        telling frames), ``data``.

    Raises
    ------
    DfecsError
        If there is no clip, a clip has no complete face, or a model is of another scheme.
    """
    found = get_scheme(scheme)
    if not clips:
        raise DfecsError("the explorer needs a clip to play")
    shown = [_thinned(clip, scheme, most_frames, shown_fps) for clip in clips]
    presets = convert(preset_motion(), scheme)
    sets = []
    for name, model in models.items():
        units = np.asarray(model.components_, dtype=np.float64)
        if units.shape[1] != 2 * found.n_points:
            raise DfecsError(f"the units of {name} have {units.shape[1]} numbers, not those of scheme {scheme!r}")
        codes = [np.asarray(model.transform(table), dtype=np.float64) for table in (presets, *shown)]
        full = _full_codes(np.concatenate(codes), units)
        digits = _digits(units * full[:, None])
        sets.append(
            {
                "name": name,
                "about": (about or {}).get(name, ""),
                "signed": as_units(model, scheme=scheme).signed,
                "names": [str(n) for n in getattr(model, "unit_names_", [f"{k + 1}" for k in range(len(units))])],
                "hints": _hints(model, scheme),
                "nearest": [""] * len(units) if name == "FACS" else _nearest(units, models),
                "units": _rounded(units * full[:, None]),
                "offset": _rounded(np.asarray(model.inverse_transform(np.zeros((1, len(units))))))[0],
                "presets": _rounded(100 * codes[0] / full, digits),
                "clips": [_rounded(100 * c / full, digits) for c in codes[1:]],
            }
        )
    return {
        "neutral": _rounded(neutral.to_numpy()[None])[0],
        "lines": [[int(k) for k in line] for line in contours(found)],
        "mirror": [int(k) for k in found.mirror],
        "scheme": found.name,
        "schemes": {name: [int(k) for k in get_scheme(name).ibug] for name in ("ibug68", "disfa66", "bp4d49")},
        "sets": sets,
        "presets": [
            {"name": name, "motion": row} for name, row in zip(PRESETS, _rounded(presets.to_numpy()), strict=True)
        ],
        "clips": [
            {
                "about": clip.about,
                "seconds": round(_step(clip, shown_fps) / clip.fps, 4),
                "frames": [int(f) for f in table.index.get_level_values("frame")],
                "motion": _rounded(table.to_numpy()),
                "moments": _moments(table.to_numpy()),
            }
            for clip, table in zip(clips, shown, strict=True)
        ],
        "data": data,
    }


def _step(clip: Clip, shown_fps: float) -> int:
    return max(1, round(clip.fps / shown_fps))


def _thinned(clip: Clip, scheme: str, most_frames: int, shown_fps: float) -> pd.DataFrame:
    motion = clip.motion if clip.motion.attrs.get("scheme") == scheme else convert(clip.motion, scheme)
    motion = motion.iloc[:: _step(clip, shown_fps)].dropna().iloc[:most_frames]
    if motion.empty:
        raise DfecsError(f"the clip to play ({clip.about}) shows no complete face")
    return motion


def _moments(motion: NDArray[np.float64], count: int = 3) -> list[int]:
    """Return positions of frames that differ most: the largest motion, then whatever is farthest from those chosen."""
    chosen: list[int] = []
    distance = np.linalg.norm(motion, axis=1)
    for _ in range(min(count, len(motion))):
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(motion - motion[chosen[-1]], axis=1))
    return sorted(set(chosen))


def _full_codes(codes: NDArray[np.float64], units: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the code of each unit at a slider's end: the largest that occurs, and enough to see."""
    k = units.shape[1] // 2
    seen = _VISIBLE_PX / np.maximum(np.hypot(units[:, :k], units[:, k:]).max(axis=1), 1e-6)
    full: NDArray[np.float64] = np.maximum(np.abs(codes).max(axis=0), seen)
    return full


def _digits(units: NDArray[np.float64]) -> int:
    """Decimals of a code in percent, so that rounding moves no point by more than a quarter of a pixel."""
    return max(1, math.ceil(math.log10(max(float(np.abs(units).max()), 1.0) / 50)))


def _rounded(values: ArrayLike, digits: int = 1) -> list[list[float]]:
    table: list[list[float]] = (np.round(np.asarray(values, dtype=np.float64), digits) + 0.0).tolist()  # no -0.0
    return table
