"""What a rater is shown: units, repeats of some of them, and catch trials whose answer is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.anatomy.atlas import load_atlas
from dfecs_lib.interpretability.units import Units

__all__ = ["MOVES", "Trial", "catch_trials", "make_trials"]

#: A keypoint is shown as moving when it moves at least this share of the unit's largest motion.
MOVES = 0.1
#: Pixels (of 800 between keypoints 0 and 16) that the fastest keypoint of every unit is shown to move.
SHOWN = 70.0


@dataclass(frozen=True)
class Trial:
    """One motion to be judged.

    Parameters
    ----------
    id : str
    kind : {"unit", "repeat", "catch"}
    unit : str
        Name of the unit; of a catch trial, what it shows.
    sign : {1, -1}
        −1: the opposite of a unit with signed codes.
    motion : array of shape (68, 2)
        As shown, px.
    of : str
        Of a repeat, the trial that it repeats.
    expect : {"", "against", "fine"}
        The known answer of a catch trial.
    wrong : tuple of int
        Keypoints of a catch trial that move as no muscle can move them.
    """

    id: str
    kind: Literal["unit", "repeat", "catch"]
    unit: str
    sign: int
    motion: NDArray[np.float64] = field(repr=False)
    of: str = ""
    expect: Literal["", "against", "fine"] = ""
    wrong: tuple[int, ...] = ()

    @property
    def moving(self) -> tuple[int, ...]:
        """Keypoints that visibly move."""
        length = np.linalg.norm(self.motion, axis=1)
        return tuple(int(k) for k in np.flatnonzero(length >= MOVES * length.max(initial=0.0)) if length[k] > 0)


def _shown(motion: NDArray[np.float64]) -> NDArray[np.float64]:
    largest = float(np.linalg.norm(motion, axis=1).max(initial=0.0))
    return np.round(motion * (SHOWN / largest), 1) if largest > 0 else np.zeros_like(motion)


def _sideways(right: tuple[int, ...], left: tuple[int, ...], outwards: bool) -> NDArray[np.float64]:
    motion = np.zeros((68, 2))
    motion[list(right), 0], motion[list(left), 0] = (-1, 1) if outwards else (1, 1)
    return motion


def _impossible() -> Iterator[tuple[str, NDArray[np.float64], tuple[int, ...]]]:
    brows = _sideways(tuple(range(17, 22)), tuple(range(22, 27)), outwards=True)
    yield "eyebrows fly apart", brows, tuple(range(17, 27))
    yield "nose slides sideways", _sideways(tuple(range(27, 36)), (), outwards=False), tuple(range(27, 36))
    jaw = np.zeros((68, 2))
    jaw[[2, 3, 4, 5, 11, 12, 13, 14], 1] = -1
    yield "jaw line rises", jaw, (2, 3, 4, 5, 11, 12, 13, 14)
    lids = _sideways((37, 38, 40, 41), (43, 44, 46, 47), outwards=True)
    yield "eyelids slide outwards", lids, (37, 38, 40, 41, 43, 44, 46, 47)


def _plain() -> Iterator[tuple[str, NDArray[np.float64]]]:
    atlas = load_atlas()
    for name, muscles in (
        ("brows rise", ("frontalis_medial", "frontalis_lateral")),
        ("mouth opens", ("jaw_depressors",)),
        ("smile", ("zygomaticus_major",)),
        ("brows are drawn together", ("corrugator_supercilii",)),
    ):
        rows = [i for i, (muscle, _) in enumerate(atlas.actions) if muscle in muscles]
        yield name, atlas.fields[rows].sum(axis=0)


def catch_trials(n: int, present: NDArray[np.bool_]) -> list[Trial]:
    """Make `n` motions whose answer is known, by turns impossible and plain, of keypoints that are present."""
    impossible = [m for m in _impossible() if present[list(m[2])].all()]
    plain = [(name, motion * present[:, None]) for name, motion in _plain()]
    found: list[Trial] = []
    for i in range(n):
        name = f"c{i + 1:02d}"
        if i % 2 == 0:
            what, motion, wrong = impossible[(i // 2) % len(impossible)]
            found.append(Trial(name, "catch", what, 1, _shown(motion), expect="against", wrong=wrong))
        else:
            what, motion = plain[(i // 2) % len(plain)]
            found.append(Trial(name, "catch", what, 1, _shown(motion), expect="fine"))
    return found


def make_trials(units: Units, *, n_catch: int, n_repeats: int, seed: int) -> list[Trial]:
    """List the trials of a study; the page puts them in an order of its own for each rater.

    A unit with signed codes is shown twice, as it is and reversed, since its code may ask for either.
    """
    trials = [
        Trial(f"u{i + 1:02d}{'+' if sign > 0 else '-'}", "unit", name, sign, _shown(sign * motion))
        for i, (name, motion) in enumerate(zip(units.names, units.motion, strict=True))
        for sign in ((1, -1) if units.signed else (1,))
    ]
    rng = np.random.default_rng(seed)
    again = sorted(rng.choice(len(trials), size=min(n_repeats, len(trials)), replace=False))
    repeats = [
        Trial(f"r{i + 1:02d}", "repeat", trials[k].unit, trials[k].sign, trials[k].motion, of=trials[k].id)
        for i, k in enumerate(again)
    ]
    return [*trials, *repeats, *catch_trials(n_catch, units.present)]
