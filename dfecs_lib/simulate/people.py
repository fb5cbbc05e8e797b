"""Simulated people: a face, a way of moving it, a manner. Each is drawn from a stream of their own."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.anatomy.head import load_head
from dfecs_lib.simulate.action_units import ACTION_UNITS, CHANNELS, FURTHER, Face
from dfecs_lib.simulate.courses import Manner

__all__ = ["Person", "draw_person", "stream"]


@dataclass(frozen=True)
class Person:
    """One simulated subject.

    Attributes
    ----------
    name : str
    identity : ndarray of shape (n_identity,)
        Coefficients of the head's identity modes.
    face : Face
    manner : Manner
    rng : Generator
        The stream from which this person's recordings are drawn, in order.
    """

    name: str
    identity: NDArray[np.float64]
    face: Face
    manner: Manner
    rng: np.random.Generator


def stream(random_state: int, *key: str | int) -> np.random.Generator:
    """Return the random stream of this key: the same whatever else is drawn."""
    words = [zlib.crc32(k.encode()) if isinstance(k, str) else k for k in key]
    return np.random.default_rng(np.random.SeedSequence([random_state, *words]))


def draw_person(name: str, random_state: int, *key: str | int) -> Person:
    """Draw a person; the same name, seed and key give the same person."""
    rng = stream(random_state, "person", name, *key)
    head = load_head()
    identity = np.clip(rng.normal(size=len(head.identity)), -2.5, 2.5)
    by_unit = {au: rng.lognormal(0.0, 0.18) for au in ACTION_UNITS}
    gains = np.array([by_unit[au] for au, _ in CHANNELS]) * rng.lognormal(0.0, 0.07, len(CHANNELS))
    closure = np.array([au == 43 for au, _ in CHANNELS])
    gains = np.where(closure, 1.0, np.clip(gains, 0.6, 1.5))  # everybody's eyes close fully
    more = stream(random_state, "further action units", name, *key)
    further = [more.lognormal(0.0, 0.18) * more.lognormal(0.0, 0.07, 2) for _ in FURTHER]
    gains = np.concatenate([gains, *(np.clip(gain, 0.6, 1.5) for gain in further)])
    return Person(name, identity, Face(head.identities(identity[None])[0], gains), Manner.draw(rng), rng)
