"""Exemplars of FACS action units, simulated: what the FACS manual's pictures would give, without its copyright."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.anatomy.head import load_head
from dfecs_lib.keypoints import make_table
from dfecs_lib.simulate.action_units import ACTION_UNITS, FURTHER, SIDED, Face, channel_of

__all__ = ["COMBINATIONS", "exemplar_table", "write_exemplars"]

#: Combinations whose look is more than the sum of its parts, as the FACS literature lists them.
COMBINATIONS: tuple[tuple[int, ...], ...] = (
    *((1, 2), (1, 4), (2, 4), (1, 2, 4), (1, 2, 5), (4, 5), (4, 7), (5, 7), (6, 7), (6, 12), (6, 43), (9, 17)),
    *((10, 17), (10, 15), (10, 25), (12, 15), (12, 17), (12, 23), (12, 24), (12, 25), (12, 26), (6, 12, 25)),
    *((6, 15), (9, 25), (14, 17), (14, 23), (15, 17), (15, 23), (17, 23), (17, 24), (18, 23), (20, 25), (20, 26)),
    *((20, 27), (23, 25)),
)
_PIXELS_PER_MM = 3.0
_CENTRE = (320.0, 260.0)


def _name(units: Sequence[int]) -> str:
    return "+".join(f"AU{au:02d}" for au in units) or "neutral"


def _faces(
    combinations: bool, intensity: float, face: Face | None = None, one_sided: bool = False, further: bool = False
) -> dict[tuple[tuple[int, ...], str], NDArray[np.float64]]:
    single = [*ACTION_UNITS, *(FURTHER if further else ())]
    wanted: list[tuple[tuple[int, ...], str]] = [((), ""), *(((au,), "") for au in single)]
    wanted += [((au,), side) for au in single if au in SIDED for side in "RL"] if one_sided else []
    wanted += [(units, "") for units in COMBINATIONS] if combinations else []
    rows = np.array([channel_of(dict.fromkeys(units, intensity), side) for units, side in wanted])
    points = (face or Face(load_head().mean)).express(rows)[..., :2] * _PIXELS_PER_MM + _CENTRE
    return dict(zip(wanted, points, strict=True))


def exemplar_table(
    combinations: bool = True,
    intensity: float = 5.0,
    *,
    face: Face | None = None,
    one_sided: bool = False,
    scheme: str = "ibug68",
    further: bool = False,
) -> pd.DataFrame:
    """Return a neutral face and one for each action unit (and combination), of the mean head seen from the front.

    Parameters
    ----------
    combinations : bool
        Whether to add `COMBINATIONS` to the single action units.
    intensity : float
        Of every action, 0–5.
    face : Face, optional
        Whose face; the mean head's by default.
    one_sided : bool
        Whether to add the halves of actions that can act on one side: "AU12R" is the subject's right.
    scheme : str
        ``"ibug68"``, or one with further points, such as ``"mediapipe478"``.
    further : bool
        Whether to add the action units of `FURTHER`, which 68 points hardly tell apart.

    Returns
    -------
    keypoint table
        One recording of one frame a face, named "neutral", "AU12", "AU01+AU02". To make units of them,
        register them by `dfecs_lib.preprocessing.register_exemplars`.

    Examples
    --------
    >>> exemplar_table(combinations=False).index.get_level_values("recording")[-1]
    'neutral'
    """
    history = [{"operation": "simulate", "name": "exemplars", "intensity": intensity}]
    shown = (face or Face(load_head().mean)).on(scheme)
    tables = [
        make_table(
            points[None],
            scheme=scheme,
            frames=[0],
            dataset="sim-exemplars",
            subject="manual",
            recording=_name(units) + side,
            history=history,
        )
        for (units, side), points in _faces(combinations, intensity, shown, one_sided, further).items()
    ]
    table = pd.concat(tables).sort_index()
    table.attrs = tables[0].attrs
    return table


def write_exemplars(folder: str | os.PathLike[str], combinations: bool = True, intensity: float = 5.0) -> Path:
    """Write the exemplars as `dfecs_lib.baselines.FACSUnits` reads them and return the folder.

    ``s0.txt`` is the neutral face, ``s12.txt`` AU 12, ``s1+2.txt`` a combination; 68 lines of ``x y`` each.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for (units, _), points in _faces(combinations, intensity).items():
        name = "+".join(str(au) for au in units) or "0"
        np.savetxt(target / f"s{name}.txt", points, fmt="%.4f")
    return target
