"""The simulated datasets' designs: who is recorded, doing what, before which camera, coded how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.simulate.action_units import ACTION_UNITS, FURTHER
from dfecs_lib.simulate.courses import Course, add_blinks, add_emotion, add_talk, restlessness
from dfecs_lib.simulate.observe import Camera, HeadMotion, Tracker
from dfecs_lib.simulate.patterns import POSED, TIMING
from dfecs_lib.simulate.people import Person, stream

__all__ = ["DESIGNS", "SIZES", "Design", "Size", "Take", "design_of"]

_Array = NDArray[np.float64]
#: DISFA's frame of rest, and how many frames its film has.
DISFA_NEUTRAL, DISFA_FRAMES = 3741, 4845


@dataclass(frozen=True)
class Size:
    """How much is recorded: subjects, recordings a subject (CK+: on average), frames a recording, frames a second."""

    subjects: int
    recordings: float
    frames: int
    fps: float


@dataclass(frozen=True)
class Take:
    """One recording before the camera: its name, times in seconds, channel intensities (n, n_channels)."""

    recording: str
    times: _Array
    intensities: _Array


@dataclass(frozen=True)
class Design:
    """One dataset's design.

    Attributes
    ----------
    name, scheme : str
    subjects : tuple of str
        All names, of which a size takes the first.
    coded : tuple of int
        Action units that its coders code.
    camera, motion, tracker
        See `dfecs_lib.simulate.observe`.
    takes : callable
        ``(person, size, random_state) -> list of Take``.
    sizes : mapping of str to Size
    shows : tuple of int
        Action units of which the truth is told.
    """

    name: str
    scheme: str
    subjects: tuple[str, ...]
    coded: tuple[int, ...]
    camera: Camera
    motion: HeadMotion
    tracker: Tracker
    takes: Callable[[Person, Size, int], list[Take]]
    sizes: Mapping[str, Size]
    shows: tuple[int, ...] = tuple(ACTION_UNITS)


#: Emotion -> (how often a viewer's face shows that it was moved, how strongly). Amusement and disgust show, fear and
#: surprise seldom: with these, AU 12 is in about as many frames as in DISFA (24 %, Mavadati et al., 2013).
_FILMED: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "happiness": (0.9, 1.4),
        "laughter": (0.9, 1.4),
        "disgust": (0.85, 1.3),
        "anger": (0.65, 1.2),
        "sadness": (0.55, 1.2),
        "fear": (0.4, 1.2),
        "surprise": (0.25, 1.2),
    }
)


def _film_takes(person: Person, size: Size, random_state: int) -> list[Take]:
    """One shared film: the same moments move everybody, each in their own way; near one moment all are at rest."""
    times = np.arange(size.frames) / size.fps
    length = size.frames / size.fps
    film = stream(random_state, "film")
    moments = np.sort(film.uniform(0.02, 0.97, max(int(length / 5.0), 6))) * length
    rounds = -(-len(moments) // len(_FILMED))
    kinds = np.concatenate([film.permutation(list(_FILMED)) for _ in range(rounds)])[: len(moments)]
    rng, course = person.rng, Course(times)
    for moment, kind in zip(moments, kinds, strict=True):
        shown, strength = _FILMED[str(kind)]
        if rng.random() < shown:
            start = moment + rng.gamma(2.0, 0.25)
            strength, pace = strength * rng.lognormal(0.0, 0.25), rng.lognormal(0.5, 0.3)
            add_emotion(course, rng, str(kind), start, manner=person.manner, strength=strength, pace=pace)
    for start in np.sort(rng.uniform(0.0, length, rng.poisson(length / 50.0))):
        add_emotion(course, rng, "thought", start, manner=person.manner, pace=1.5)
    for start in np.sort(rng.uniform(0.0, length, rng.poisson(length / 15.0))):
        add_emotion(course, rng, "absorption", start, manner=person.manner, hold=float(rng.gamma(2.0, 2.0)))
    add_blinks(course, rng, person.manner.blinks)
    intensities = np.minimum(course.values + person.manner.restless * restlessness(rng, times), 5.0)
    rest = times[disfa_neutral(size.frames) - 1]
    calm = np.exp(-(((times - rest) / (0.02 * length)) ** 4))
    return [Take("film", times, intensities * (1.0 - 0.95 * calm)[:, None])]


def disfa_neutral(frames: int) -> int:
    """Return the number (from 1) of the frame of rest in a film of that many frames; 3741 in the full one."""
    return max(round(frames * DISFA_NEUTRAL / DISFA_FRAMES), 1)


def _posed_takes(person: Person, size: Size, _: int) -> list[Take]:
    """Posed sequences from rest to the height of an emotion, or of a few single actions shown on demand."""
    rng, takes = person.rng, []
    low = int(size.recordings)
    count = low + int(rng.random() < size.recordings - low)
    for number in range(1, count + 1):
        frames = int(np.clip(rng.normal(size.frames, 0.25 * size.frames), 6, 3 * size.frames))
        times = np.arange(frames) / size.fps
        rise, course = 0.8 * times[-1], Course(times)
        if rng.random() < 0.75:
            wanted = {au: i for au, (p, i) in POSED[str(rng.choice(list(POSED)))].items() if rng.random() < p}
        else:
            units = rng.choice(
                [1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 18, 20, 23, 24, 25, 26, 27, 28], rng.integers(1, 4), False
            )
            wanted = {int(au): 3.2 for au in units}
        for au, intensity in (wanted or {12: 3.0}).items():
            begin = times[1] + rng.uniform(0.0, 0.35) * rise  # not all at once
            peak = float(np.clip(1.3 * intensity * person.manner.expressiveness * rng.lognormal(0.0, 0.25), 1.0, 5.0))
            course.add_action(rng, au, begin, peak, (rise - begin) / TIMING[au].onset / 1.4, hold=2.0 * size.frames)
        tremble = 0.4 * person.manner.restless * restlessness(rng, times)
        tremble[0] = 0.0
        takes.append(Take(f"{number:03d}", times, np.minimum(course.values + tremble, 5.0)))
    return takes


#: Actions of ``sim-subtle``: those that 68 points hardly show, and stronger ones that often come with them.
_WEAK, _WITH = (6, 7, 9, 10, 11, 14, 17, 23, 24), (4, 12, 25)


def _subtle_takes(person: Person, size: Size, _: int) -> list[Take]:
    """Weak actions, one to three at a time, from rest and back; in every third recording a stronger one beside them."""
    rng, takes = person.rng, []
    times = np.arange(size.frames) / size.fps
    rise = 0.35 * times[-1]
    for number in range(1, int(size.recordings) + 1):
        course = Course(times)
        wanted = [(int(au), rng.uniform(1.0, 3.0)) for au in rng.choice(_WEAK, rng.integers(1, 4), False)]
        wanted += [(int(rng.choice(_WITH)), rng.uniform(1.5, 3.5))] if number % 3 == 0 else []
        for au, peak in wanted:
            begin = times[1] + rng.uniform(0.0, 0.6) * rise
            course.add_action(rng, au, begin, float(peak), rng.uniform(0.5, 1.0) * rise / TIMING[au].onset)
        tremble = 0.4 * person.manner.restless * restlessness(rng, times)
        tremble[0] = 0.0
        takes.append(Take(f"{number:03d}", times, np.minimum(course.values + tremble, 5.0)))
    return takes


_TASKS = ("laughter", "sadness", "surprise", "embarrassment", "fear", "pain", "anger", "disgust")
_TALKED = {0: 0.6, 1: 0.15, 3: 0.6, 4: 0.3, 6: 0.6}  # share of the task spent talking


def _task_takes(person: Person, size: Size, _: int) -> list[Take]:
    """Eight tasks, each bringing out one emotion several times, some with talking; each starts at rest."""
    rng, takes = person.rng, []
    times = np.arange(size.frames) / size.fps
    length = size.frames / size.fps
    for number, emotion in enumerate(_TASKS[: int(size.recordings)]):
        course, begin = Course(times), 0.12 * length
        talked = _TALKED.get(number, 0.0)
        if talked:
            start = begin + rng.uniform(0.0, 1.0 - talked) * (length - begin)
            add_talk(course, rng, start, start + talked * (length - begin), rng.lognormal(0.0, 0.2))
        for start in np.sort(rng.uniform(begin, length, max(3, int(length / 3.5)))):
            kind = (
                emotion
                if rng.random() < 0.75
                else str(rng.choice(["happiness", "thought", "embarrassment", "surprise"]))
            )
            pace = rng.lognormal(0.3, 0.3)
            add_emotion(
                course, rng, kind, start, manner=person.manner, strength=1.4 * rng.lognormal(0.0, 0.3), pace=pace
            )
        add_blinks(course, rng, person.manner.blinks)
        waking = np.clip((times / max(begin, 1e-9)) ** 2, 0.02, 1.0)[:, None]
        still = person.manner.restless * restlessness(rng, times)
        takes.append(Take(f"T{number + 1}", times, np.minimum(course.values + still * waking, 5.0)))
    return takes


_DISFA_SUBJECTS = (*range(1, 14), *range(16, 19), 21, *range(23, 33))

#: The designs by name.
DESIGNS: Mapping[str, Design] = MappingProxyType(
    {
        design.name: design
        for design in (
            Design(
                "sim-disfa",
                "disfa66",
                tuple(f"SN{k:03d}" for k in _DISFA_SUBJECTS),
                (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26),
                Camera(1024, 768, 900.0, 1.7),
                HeadMotion(pitch=3.0, yaw=4.0, roll=2.0, shift=9.0, seconds=1.2),
                Tracker(dropouts=0.012, freezes=0.004),
                _film_takes,
                {
                    "small": Size(6, 1, 300, 5.0),
                    "medium": Size(27, 1, 404, 5.0),
                    "paper": Size(27, 1, DISFA_FRAMES, 20.0),
                },
            ),
            Design(
                "sim-ckplus",
                "ibug68",
                tuple(f"S{k:03d}" for k in range(1, 124)),
                tuple(sorted(ACTION_UNITS)),
                Camera(640, 490, 1500.0, 1.3),
                HeadMotion(pitch=2.0, yaw=2.0, roll=1.5, shift=5.0, seconds=1.0),
                Tracker(),
                _posed_takes,
                {
                    "small": Size(20, 3, 14, 20.0),
                    "medium": Size(123, 3, 12, 15.0),
                    "paper": Size(123, 593 / 123, 18, 25.0),
                },
            ),
            Design(
                "sim-bp4d",
                "bp4d49",
                tuple([f"F{k:03d}" for k in range(1, 24)] + [f"M{k:03d}" for k in range(1, 19)]),
                (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 18, 20, 23, 24, 27, 28),
                Camera(1040, 1392, 1200.0, 2.3),
                HeadMotion(pitch=6.0, yaw=8.0, roll=4.0, shift=15.0, seconds=1.0),
                Tracker(dropouts=0.01, freezes=0.004),
                _task_takes,
                {"small": Size(5, 8, 30, 2.5), "medium": Size(41, 8, 36, 2.5), "paper": Size(41, 8, 448, 25.0)},
            ),
            Design(
                "sim-subtle",
                "ibug68",
                tuple(f"W{k:03d}" for k in range(1, 61)),
                tuple(sorted({*_WEAK, *_WITH})),
                Camera(1024, 768, 900.0, 1.7),
                HeadMotion(pitch=3.0, yaw=4.0, roll=2.0, shift=9.0, seconds=1.2),
                Tracker(),
                _subtle_takes,
                {"small": Size(12, 9, 12, 4.0), "medium": Size(60, 9, 20, 8.0), "paper": Size(60, 18, 100, 25.0)},
                tuple(sorted({*ACTION_UNITS, *FURTHER})),
            ),
        )
    }
)

#: Sizes of every design: "small" takes a second, "medium" seconds, "paper" has the frame counts of the paper.
SIZES = ("small", "medium", "paper")


def design_of(name: str, size: str) -> tuple[Design, Size]:
    """Return a design and one of its sizes; DfecsError lists what there is."""
    if name not in DESIGNS:
        raise DfecsError(f"no simulated dataset {name!r}; there are {', '.join(DESIGNS)}")
    if size not in DESIGNS[name].sizes:
        raise DfecsError(f"no size {size!r} of {name}; there are {', '.join(SIZES)}")
    return DESIGNS[name], DESIGNS[name].sizes[size]
