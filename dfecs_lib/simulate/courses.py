"""Courses of action units over time: onset, apex and offset of events, talking, blinks, a face's restlessness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from dfecs_lib.simulate.action_units import ACTION_UNITS, ALL_CHANNELS, CHANNELS, SIDED, channel
from dfecs_lib.simulate.patterns import EMOTIONS, ONE_SIDED, TALK, TIMING

__all__ = ["Course", "Manner", "add_blinks", "add_emotion", "add_talk", "restlessness", "smooth_walk"]

_Array = NDArray[np.float64]
# Brows and lower lids go with the gaze; lips are pressed, drawn and moistened; breath and swallowing move the jaw.
_RESTLESS = {
    **{1: 0.25, 2: 0.25, 4: 0.25, 7: 0.2},
    **{10: 0.15, 12: 0.3, 14: 0.2, 15: 0.2, 17: 0.25, 18: 0.15, 20: 0.2, 23: 0.15, 24: 0.2, 25: 0.3, 26: 0.2},
}


@dataclass(frozen=True)
class Manner:
    """How one person behaves.

    Attributes
    ----------
    expressiveness : float
        Factor on the intensities of emotions.
    blinks : float
        Per minute.
    favours : ndarray of shape (n_channels,)
        Factor on each action's probability: people have their own mixture.
    restless : float
        Factor on the small motion that never ceases.
    """

    expressiveness: float
    blinks: float
    favours: _Array
    restless: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Manner:
        """Draw a person's manner."""
        by_unit = {au: rng.lognormal(0.0, 0.6) for au in TIMING if au in ACTION_UNITS}
        return cls(
            expressiveness=float(np.clip(rng.lognormal(0.0, 0.22), 0.6, 1.6)),
            blinks=float(rng.uniform(5.0, 14.0)),
            favours=np.array([by_unit[au] for au, _ in CHANNELS]),
            restless=float(rng.lognormal(0.0, 0.3)),
        )


class Course:
    """Channel intensities over the times of a recording; events that overlap in one channel keep the stronger.

    Parameters
    ----------
    times : ndarray of shape (n,)
        Seconds, increasing.
    """

    def __init__(self, times: _Array) -> None:
        self.times = times
        self.values = np.zeros((len(times), len(ALL_CHANNELS)))

    def add(self, channel_index: int, start: float, durations: tuple[float, float, float], peak: float) -> None:
        """Add one event: a rise from `start`, a hold and a fall (seconds), cosine-shaped, up to intensity `peak`."""
        onset, apex, offset = durations
        corners = np.cumsum([start, onset, apex, offset])
        first, last = np.searchsorted(self.times, corners[[0, -1]])
        t = self.times[first:last]
        level = np.interp(t, corners, [0.0, 1.0, 1.0, 0.0])
        shape = peak * 0.5 * (1.0 - np.cos(np.pi * level))
        np.maximum(self.values[first:last, channel_index], shape, out=self.values[first:last, channel_index])

    def add_action(
        self, rng: np.random.Generator, au: int, start: float, peak: float, pace: float = 1.0, hold: float | None = None
    ) -> None:
        """Add an action unit with typical timing, on both sides with slightly different strength or on one side."""
        timing = TIMING[au]
        onset, apex, offset = np.array([timing.onset, timing.apex, timing.offset]) * pace * rng.lognormal(0.0, 0.25, 3)
        durations = (float(onset), float(apex) if hold is None else hold, float(offset))
        if au not in SIDED:
            self.add(channel(au), start, durations, min(peak, 5.0))
            return
        ratio = rng.lognormal(0.0, 0.05)
        strengths = {"R": peak * ratio, "L": peak / ratio}
        one_sided, side = rng.random() < ONE_SIDED.get(au, 0.0), "RL"[rng.integers(2)]
        for half, strength in strengths.items():
            if not one_sided or half == side:
                self.add(channel(au, half), start, durations, min(strength, 5.0))


def add_emotion(
    course: Course,
    rng: np.random.Generator,
    emotion: str,
    start: float,
    *,
    manner: Manner,
    strength: float = 1.0,
    pace: float = 1.0,
    hold: float | None = None,
) -> None:
    """Add one display of an emotion: its actions, each with its own chance, delay and strength.

    Parameters
    ----------
    course : Course
        Changed in place: a course is under construction until it is read.
    rng : Generator
    emotion : str
        One of `EMOTIONS`.
    start, strength, pace, hold
        Seconds; factor on intensities; factor on durations; fixed apex duration, seconds.
    manner : Manner
    """
    for au, (probability, intensity) in EMOTIONS[emotion].items():
        favour = manner.favours[next(i for i, (unit, _) in enumerate(CHANNELS) if unit == au)]
        takes_part, delay, factor = rng.random(), rng.gamma(2.0, 0.05), rng.lognormal(0.0, 0.18)
        if takes_part < min(probability * favour, 1.0) or probability == 1.0:
            peak = intensity * strength * manner.expressiveness * factor
            course.add_action(rng, au, start + delay, float(np.clip(peak, 0.3, 5.0)), pace, hold)


def add_talk(course: Course, rng: np.random.Generator, start: float, stop: float, strength: float = 1.0) -> None:
    """Let the person talk from `start` to `stop` seconds: about four syllables a second with pauses between phrases."""
    n = max(int((stop - start) * 6.0) + 4, 8)
    at = start + np.cumsum(rng.gamma(4.0, 0.25 / 8.0, n))  # mouth targets 125 ms apart on average
    spoken = np.repeat(rng.random(n // 12 + 1) < 0.85, 12)[:n] & (at < stop)
    for au, (probability, intensity) in TALK.items():
        targets = (
            np.where(rng.random(n) < probability, intensity * strength * rng.lognormal(0.0, 0.35, n), 0.0) * spoken
        )
        values = np.clip(_through(course.times, at, targets), 0.0, 5.0)
        for side in ("R", "L") if au in SIDED else ("",):
            column = channel(au, side)
            np.maximum(course.values[:, column], values, out=course.values[:, column])
    for beat in np.arange(start, stop, 2.5) + rng.uniform(0.0, 2.0):
        if rng.random() < 0.4:  # brows mark the stress
            for au in (1, 2):
                course.add_action(rng, au, float(beat), float(rng.uniform(1.0, 2.5) * strength), 0.7)


def _through(times: _Array, at: _Array, targets: _Array) -> _Array:
    """Cosine-shaped passage through targets; nothing before the first and after the last."""
    k = np.clip(np.searchsorted(at, times) - 1, 0, len(at) - 2)
    share = np.clip((times - at[k]) / (at[k + 1] - at[k]), 0.0, 1.0)
    blend = 0.5 * (1.0 - np.cos(np.pi * share))
    inside = (times >= at[0]) & (times <= at[-1])
    passage: _Array = np.where(inside, targets[k] * (1.0 - blend) + targets[k + 1] * blend, 0.0)
    return passage


def add_blinks(course: Course, rng: np.random.Generator, per_minute: float) -> None:
    """Add blinks of about a third of a second at random moments."""
    length = course.times[-1] - course.times[0]
    for start in course.times[0] + rng.uniform(0.0, 1.0, rng.poisson(per_minute * length / 60.0)) * length:
        durations = (0.10 * rng.lognormal(0.0, 0.15), 0.05, 0.18 * rng.lognormal(0.0, 0.15))
        for side in "RL":
            course.add(channel(43, side), float(start), durations, 5.0)


def smooth_walk(rng: np.random.Generator, times: _Array, seconds: float, columns: int) -> _Array:
    """Return stationary smooth random walks of shape (n, columns), unit variance, correlated over about `seconds`.

    Two first-order filters in a row over white noise, so that position and speed are continuous.
    """
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    keep = float(np.exp(-2.0 * step / seconds))
    lead = int(np.ceil(3.0 * seconds / step)) + 1
    noise = rng.normal(size=(len(times) + lead, columns))
    walk = lfilter([1.0 - keep], [1.0, -keep], lfilter([1.0 - keep], [1.0, -keep], noise, axis=0), axis=0)
    k2 = keep * keep
    variance = (1.0 - keep) ** 4 * (1.0 + k2) / (1.0 - k2) ** 3
    result: _Array = walk[lead:] / np.sqrt(variance)
    return result


def restlessness(rng: np.random.Generator, times: _Array, scale: Mapping[int, float] | None = None) -> _Array:
    """Return the small intensities (n, n_channels) of a face that is never quite still."""
    scale = _RESTLESS if scale is None else scale
    walks = smooth_walk(rng, times, 2.5, len(scale))
    values = np.zeros((len(times), len(ALL_CHANNELS)))
    for column, (au, size) in enumerate(scale.items()):
        for side in ("R", "L") if au in SIDED else ("",):
            values[:, channel(au, side)] = size * np.maximum(walks[:, column], 0.0)
    return values
