"""What the FACS manual says each action unit moves, in this project's words, and whether a keypoint unit moves so.

Source: P. Ekman, W. V. Friesen, J. C. Hager, *Facial Action Coding System: The Manual*, Research Nexus, 2002. Its
appearance changes are retold as far as keypoints can show them; wrinkles, bulges and dimples are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.interpretability.actions import facs_motion
from dfecs_lib.keypoints.schemes import IBUG68

__all__ = ["FACS", "LEFT_OUT", "Appearance", "facs_table"]

#: Places on the subject's right and the midline; the left ones are their mirror images.
_PLACES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "inner brows": (20, 21),
        "outer brows": (17, 18),
        "upper lids": (37, 38),
        "lower lids": (40, 41),
        "nose base": (31, 32, 33),
        "lip corners": (48,),
        "upper lip": (50, 51),
        "lower lip": (57, 58),
        "chin": (7, 8),
    }
)
#: Openings: points of their upper and lower rim.
_OPENINGS: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = MappingProxyType(
    {"eyes": ((37, 38, 43, 44), (41, 40, 47, 46)), "lips": ((61, 62, 63), (67, 66, 65))}
)
#: Moves less than this share of the unit's largest motion: still.
_STILL = 0.12


@dataclass(frozen=True)
class Appearance:
    """What an action unit looks like.

    Attributes
    ----------
    name : str
    manual : str
        What moves, retold from the manual.
    facts : tuple of tuple of str
        What must hold of a keypoint unit: (place, "up" | "down" | "out" | "in" | "still"), (opening, "opens" |
        "closes"), or (place, "more than", place): longer motion.
    """

    name: str
    manual: str
    facts: tuple[tuple[str, ...], ...]


#: Action unit -> `Appearance`, for every one that the simulator has.
FACS: Mapping[int, Appearance] = MappingProxyType(
    {
        1: Appearance(
            "inner brow raiser",
            "The inner ends of the brows rise; the brows slant or arch in the middle.",
            (("inner brows", "up"), ("inner brows", "more than", "outer brows"), ("upper lids", "still")),
        ),
        2: Appearance(
            "outer brow raiser",
            "The outer part of the brows rises and arches.",
            (("outer brows", "up"), ("outer brows", "more than", "inner brows"), ("upper lids", "still")),
        ),
        4: Appearance(
            "brow lowerer",
            "The brows go down, most at their inner ends, and are drawn together.",
            (("inner brows", "down"), ("inner brows", "in"), ("nose base", "still"), ("chin", "still")),
        ),
        5: Appearance(
            "upper lid raiser",
            "The upper lids go up, so that the eyes are wide open.",
            (("upper lids", "up"), ("lower lids", "still"), ("eyes", "opens"), ("inner brows", "still")),
        ),
        6: Appearance(
            "cheek raiser",
            "Cheeks and lower lids are pushed up and the eyes narrow; the outer brow may sink a little.",
            (("lower lids", "up"), ("eyes", "closes"), ("lip corners", "still")),
        ),
        7: Appearance(
            "lid tightener",
            "The lids tighten and the eyes narrow, the lower lids going up most.",
            (
                ("lower lids", "up"),
                ("eyes", "closes"),
                ("lower lids", "more than", "upper lids"),
                ("outer brows", "still"),
            ),
        ),
        9: Appearance(
            "nose wrinkler",
            "The skin beside the nose and the wings of the nose go up, the upper lip with them; inner brows sink.",
            (
                ("nose base", "up"),
                ("upper lip", "up"),
                ("inner brows", "down"),
                ("chin", "still"),
                ("lower lip", "still"),
            ),
        ),
        10: Appearance(
            "upper lip raiser",
            "The upper lip goes up, the middle more than the corners.",
            (("upper lip", "up"), ("upper lip", "more than", "lip corners"), ("chin", "still"), ("lips", "opens")),
        ),
        12: Appearance(
            "lip corner puller",
            "The lip corners go up and out.",
            (("lip corners", "up"), ("lip corners", "out"), ("chin", "still"), ("inner brows", "still")),
        ),
        14: Appearance(
            "dimpler",
            "The lip corners are drawn tight against the teeth and a little sideways; a dimple, which keypoints lack.",
            (("lip corners", "out"), ("chin", "still"), ("nose base", "still")),
        ),
        15: Appearance(
            "lip corner depressor",
            "The lip corners go down.",
            (("lip corners", "down"), ("lip corners", "more than", "lower lip"), ("chin", "still")),
        ),
        17: Appearance(
            "chin raiser",
            "The chin boss and the lower lip are pushed up.",
            (("chin", "up"), ("lower lip", "up"), ("nose base", "still")),
        ),
        18: Appearance(
            "lip pucker",
            "The lip corners are drawn together, the lips forward: the mouth gets small.",
            (("lip corners", "in"), ("lip corners", "more than", "upper lip"), ("chin", "still")),
        ),
        20: Appearance(
            "lip stretcher",
            "The lip corners are pulled sideways, at most a little down: the mouth gets wide and flat.",
            (("lip corners", "out"), ("lip corners", "more than", "lower lip"), ("chin", "still")),
        ),
        23: Appearance(
            "lip tightener",
            "The lips are drawn tight: the red parts narrow, and so does the mouth.",
            (("upper lip", "down"), ("lower lip", "up"), ("lip corners", "in"), ("chin", "still")),
        ),
        24: Appearance(
            "lip presser",
            "The lips are pressed together and get thin; the mouth does not widen.",
            (("upper lip", "down"), ("lower lip", "up"), ("lip corners", "still")),
        ),
        25: Appearance(
            "lips part",
            "The lips part; the jaw stays.",
            (("lips", "opens"), ("lower lip", "down"), ("chin", "still"), ("nose base", "still")),
        ),
        26: Appearance(
            "jaw drop",
            "The jaw drops by its own weight, the lower lip and chin with it.",
            (("chin", "down"), ("lower lip", "down"), ("lips", "opens"), ("upper lip", "still")),
        ),
        27: Appearance(
            "mouth stretch",
            "The jaw is pulled far down: the mouth gets tall.",
            (("chin", "down"), ("lower lip", "down"), ("lips", "opens"), ("chin", "more than", "lip corners")),
        ),
        28: Appearance(
            "lip suck",
            "The lips are drawn in over the teeth, so that the red parts go; the jaw is a little down.",
            (("upper lip", "down"), ("lower lip", "up"), ("lower lip", "more than", "lip corners")),
        ),
        43: Appearance(
            "eye closure",
            "The upper lids go down until the eyes are closed.",
            (("upper lids", "down"), ("eyes", "closes"), ("lower lids", "still"), ("inner brows", "still")),
        ),
    }
)

#: Action units of the manual that have no unit here -> why.
LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {
        "AU11, AU13": "on 68 keypoints hardly to be told from AU10 and AU12",
        "AU16": "the lower lip down without the jaw: the muscle of AU25 here",
        "AU22": "lips turned outwards: towards the camera, which keypoints of a front view do not show",
        "AU38, AU39": "nostrils widen or narrow by less than keypoints are tracked",
        "AU45, AU46": "a blink or wink looks like AU43 in every single frame",
        "AU8, AU19, AU21, AU29–AU37": "tongue, neck, cheeks, jaw sideways or forward: not in the simulator",
    }
)


def _mean(motion: NDArray[np.float64], place: str) -> NDArray[np.float64]:
    """Mean motion of a place's both sides, (out, up): a left point counts mirrored."""
    right = list(_PLACES[place])
    left = [int(IBUG68.mirror[k]) for k in right]
    both = np.concatenate([motion[right] * [-1.0, -1.0], motion[left] * [1.0, -1.0]])
    return np.asarray(both.mean(axis=0))


def _opening(motion: NDArray[np.float64], which: str) -> float:
    upper, lower = _OPENINGS[which]
    return float(motion[list(lower), 1].mean() - motion[list(upper), 1].mean())


def _holds(motion: NDArray[np.float64], fact: tuple[str, ...]) -> bool:
    largest = float(np.linalg.norm(motion, axis=1).max())
    if len(fact) == 3:
        return bool(np.linalg.norm(_mean(motion, fact[0])) > np.linalg.norm(_mean(motion, fact[2])))
    what, way = fact
    least = _STILL * largest
    if what in _OPENINGS:
        change = _opening(motion, what)
        return change > least if way == "opens" else change < -least
    out, up = (float(v) for v in _mean(motion, what))
    if way == "still":
        return bool(np.hypot(out, up) < least)
    return {"up": up, "down": -up, "out": out, "in": -out}[way] > least


def _words(motion: NDArray[np.float64]) -> str:
    """Say what moves, largest first: "lip corners up 70, out 62 px"."""
    largest = float(np.linalg.norm(motion, axis=1).max())
    found = []
    for place in _PLACES:
        out, up = (float(v) for v in _mean(motion, place))
        ways = [
            (abs(v), f"{word} {abs(v):.0f}")
            for v, word in ((up, "up" if up > 0 else "down"), (out, "out" if out > 0 else "in"))
            if abs(v) >= _STILL * largest
        ]
        if ways:
            found.append((max(ways)[0], f"{place} {', '.join(w for _, w in sorted(ways, reverse=True))}"))
    return "; ".join(words for _, words in sorted(found, reverse=True)) + " px"


def facs_table(motion: Mapping[str, NDArray[np.float64]] | None = None) -> pd.DataFrame:
    """Return, for each action unit, what the manual says moves, what the unit moves, and whether they agree.

    Parameters
    ----------
    motion : mapping of str to array of shape (68, 2), optional
        Units by name, "AU01" …, registered px; those of the simulated exemplars by default (`facs_motion`). Names
        of one side or of combinations are passed over.

    Returns
    -------
    DataFrame
        One row an action unit: name, manual, moves (measured, places in the order of their motion), agrees, fails (the
        facts that do not hold).

    Raises
    ------
    DfecsError
        If no unit is one of `FACS`.

    Examples
    --------
    >>> facs_table().loc["AU12", "moves"].startswith("lip corners")
    True
    """
    units = facs_motion(one_sided=False) if motion is None else motion
    rows = {}
    for au, appearance in FACS.items():
        unit = units.get(f"AU{au:02d}")
        if unit is None:
            continue
        fails = [" ".join(fact) for fact in appearance.facts if not _holds(np.asarray(unit), fact)]
        rows[f"AU{au:02d}"] = (
            appearance.name,
            appearance.manual,
            _words(np.asarray(unit)),
            not fails,
            "; ".join(fails),
        )
    if not rows:
        raise DfecsError("none of the units is a FACS action unit; name them AU01, AU02, …")
    columns = ["name", "manual", "moves", "agrees", "fails"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("unit")
