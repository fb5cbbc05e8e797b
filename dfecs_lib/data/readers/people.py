"""Who is who in a recording of several faces: people are followed by place and size, not by a tracker's numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["follow", "follow_numbers", "main_person"]

# A face found again is the same one when it moved by no more than its own width and changed its size by no more than
# this factor; between two pictures of one recording faces move by a few per cent of their width.
_FARTHEST = 1.0
_LARGEST_RATIO = 2.0
_FEW = 5


def _cost(centre: NDArray[np.float64], size: float, other: NDArray[np.float64], other_size: float) -> float:
    """How unlike two faces are: distance in mean sizes plus the logarithm of their ratio; infinite where too unlike."""
    if not size > 0 or not other_size > 0:
        return float("inf")
    distance = float(np.hypot(*(centre - other))) / (0.5 * (size + other_size))
    ratio = abs(float(np.log(size / other_size)))
    return float("inf") if distance > _FARTHEST or ratio > np.log(_LARGEST_RATIO) else distance + ratio


def follow_numbers(
    frames: NDArray[np.int64],
    faces: NDArray[np.int64],
    centres: NDArray[np.float64],
    sizes: NDArray[np.float64],
    good: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Return for each row the first number of its person, where a tracker gave one person several numbers.

    A number that begins after another one has ended, near to where that ended and of its size, goes on with it.

    Parameters
    ----------
    frames, faces : ndarray of shape (n_rows,)
        The rows' frames and the tracker's numbers.
    centres : ndarray of shape (n_rows, 2)
    sizes : ndarray of shape (n_rows,)
        Pixels.
    good : ndarray of shape (n_rows,)
        Where a face was found.
    """
    person = faces.copy()
    numbers = [int(n) for n in np.unique(faces) if (good & (faces == n)).any()]
    rows_of = {n: np.flatnonzero(good & (faces == n)) for n in numbers}
    rows_of = {n: rows[np.argsort(frames[rows], kind="stable")] for n, rows in rows_of.items()}
    ends: dict[int, NDArray[np.intp]] = {}  # person -> the rows that it was last seen in
    for number in sorted(numbers, key=lambda n: int(frames[rows_of[n][0]])):
        rows = rows_of[number]
        centre, size = np.median(centres[rows[:_FEW]], axis=0), float(np.median(sizes[rows[:_FEW]]))
        costs = {
            known: _cost(centre, size, np.median(centres[last], axis=0), float(np.median(sizes[last])))
            for known, last in ends.items()
            if frames[last[-1]] < frames[rows[0]]
        }
        best = min(costs, key=costs.__getitem__, default=number)
        if best != number and costs[best] == float("inf"):
            best = number
        person[faces == number] = best
        ends[best] = rows[-_FEW:]
    return person


def follow(
    frames: NDArray[np.int64],
    centres: NDArray[np.float64],
    sizes: NDArray[np.float64],
    good: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Number the people of a recording whose rows say nothing of who is who; -1 where no face was found.

    From frame to frame the likest pairs (place and size) are joined, each person once a frame; what is like nobody is
    somebody new. Of faces that are alike in everything the larger has the lower number.

    Parameters
    ----------
    frames, centres, sizes, good
        As in `follow_numbers`.
    """
    person = np.full(len(frames), -1, dtype=np.int64)
    rows = np.flatnonzero(good)
    rows = rows[np.lexsort((-sizes[rows], frames[rows]))]
    seen: list[int] = []  # person -> the last row
    for together in np.split(rows, np.flatnonzero(np.diff(frames[rows])) + 1) if len(rows) else []:
        pairs = sorted(
            (_cost(centres[row], sizes[row], centres[last], sizes[last]), k, row)
            for row in together
            for k, last in enumerate(seen)
        )
        taken: set[int] = set()
        for cost, k, row in pairs:
            if cost < float("inf") and k not in taken and person[row] < 0:
                person[row] = k
                taken.add(k)
        for row in together:
            if person[row] < 0:
                person[row] = len(seen)
                seen.append(int(row))
            seen[person[row]] = int(row)
    return person


def main_person(person: NDArray[np.int64], good: NDArray[np.bool_], sizes: NDArray[np.float64]) -> int:
    """Return the person with the most good rows; among equals the largest, then the lowest number."""
    people = np.unique(person[person >= 0])
    if not len(people):
        return 0

    def rank(one: int) -> tuple[int, float, int]:
        mine = sizes[(person == one) & good]
        return len(mine), float(np.median(mine)) if len(mine) else 0.0, -one

    return int(max(people, key=rank))
