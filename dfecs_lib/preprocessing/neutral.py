"""Neutral frames of recordings that nobody has labelled: the face that motion is measured from."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import INDEX_NAMES, coordinates, record
from dfecs_lib.keypoints.threads import one_blas_thread
from dfecs_lib.preprocessing.neutral_head import Found, Key, nearest_to_rest
from dfecs_lib.preprocessing.neutral_rules import PICK, complete, name_of, shared_face

__all__ = ["DEFAULT_METHOD", "METHODS", "choose_neutral", "recordings_with_a_face"]

METHODS = ("head", *PICK)
#: What `choose_neutral` and `dfecs_lib.preprocessing.prepare` do unless told otherwise.
DEFAULT_METHOD = "head"
_LEVELS = list(INDEX_NAMES[:3])
_OTHERWISE = "shared"  # where the head cannot tell


@one_blas_thread()
def choose_neutral(
    table: pd.DataFrame, method: str = DEFAULT_METHOD, frame: int | Mapping[tuple[str, str, str], int] | None = None
) -> pd.DataFrame:
    """Pick one neutral frame for every recording of a table.

    Parameters
    ----------
    table : keypoint table
        Best registered (after `dfecs_lib.preprocessing.make_preprocessor`), with all recordings of a subject: a neutral
        face belongs to a subject, whatever files it came in. Rows and columns in any order. Frames with missing points
        are never picked as long as there are others.
    method : {"head", "shared", "medoid", "calmest", "first"}
        "head": the frame that expresses least. The 3-D head is fitted to all frames of a subject, with one identity and
        non-negative expressions; frames that hardly express make up the subject's resting face, and each recording's
        frame nearest to it is taken. Faces that are not registered yet are registered for the choice. Where the head
        cannot tell (too few points, not a face), "shared" serves, and the history says why.
        "shared": the face that all recordings of a subject have in common. Every recording has frames at some
        distance from a face, and a tenth of them are within some radius; the face whose radius, averaged over the
        recordings, is smallest is the subject's resting face, and each recording's frame nearest to it is taken. A
        subject with one recording, or without a name, gets the medoid. "medoid": among the calmer half of a
        recording's frames (those that move least from frame to frame), the one whose summed distance to the others is
        smallest. "calmest": the middle of the stillest 15 frames. "first": the first frame with all its points.
    frame : int or mapping of (dataset, subject, recording) to int, optional
        An explicit frame number instead, for all recordings or for those listed; `method` serves the rest.

    Returns
    -------
    keypoint table
        One row a recording, with its real index entry. ``attrs["history"]`` says the method and the frames; of
        recordings that the head has judged, ``distance_px`` says how far from rest the chosen frame is (see
        `neutral_report`); ``instead`` says of which recordings the head could not tell.

    Raises
    ------
    DfecsError
        If a recording has no usable frame, or lacks the frame asked for, or an argument is of the wrong kind.

    Notes
    -----
    On simulated faces, where the resting face is known, and on signers and clips (``benchmarks/neutral.py``) "head" is
    nearest to rest: the medoid of a recording is often a held smile, that of a short posed sequence its apex. Averaging
    the frames near the chosen one would bring the neutral face less than 3 % nearer to the true one, so that it stays a
    frame that can be looked at.

    Examples
    --------
    >>> from dfecs_lib.keypoints import make_table
    >>> table = make_table(np.ones((5, 136)), scheme="ibug68", frames=range(5), subject="S1")
    >>> choose_neutral(table, method="first").index.get_level_values("frame").tolist()
    [0]
    """
    _check(table, method, frame)
    values = coordinates(table)
    numbers = table.index.get_level_values("frame").to_numpy()
    recordings = {
        cast("Key", entry): np.asarray(positions)[np.argsort(numbers[positions], kind="stable")]
        for entry, positions in table.groupby(level=_LEVELS, sort=False).indices.items()
    }
    asked = {key: frame.get(key) if isinstance(frame, Mapping) else frame for key in recordings}
    judged = nearest_to_rest(table) if method == "head" and None in asked.values() else {}
    rule = _OTHERWISE if method == "head" else method
    lacking = [key for key in recordings if asked[key] is None and not _chosen(judged, key)]
    shared = shared_face(table, values) if rule == "shared" and lacking else {}
    rows: dict[Key, int] = {}
    for key, where in recordings.items():
        wanted = asked[key]
        if wanted is not None:
            rows[key] = _explicit(where, numbers, wanted, key)
        elif key not in lacking:
            rows[key] = judged[key].row
        else:
            whole = complete(values[where], key)
            rows[key] = shared[key] if key in shared else int(where[PICK[rule](whole)])
    explicit = sum(wanted is not None for wanted in asked.values())
    how = method if not explicit else "explicit frame" if explicit == len(rows) else f"{method}, or explicit frame"
    return _history(table, rows, how, judged, lacking if method == "head" else [])


def recordings_with_a_face(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table without the recordings that show no face at all: none of their frames could be neutral."""
    found = table.notna().any(axis=1)
    kept = table.copy(deep=False) if found.all() else table[found.groupby(level=_LEVELS).transform("any").to_numpy()]
    kept.attrs = dict(table.attrs)
    return kept


def _check(table: object, method: object, frame: object) -> None:
    if not isinstance(method, str) or method not in METHODS:
        raise DfecsError(f"unknown way to choose neutral frames {method!r}; known: {', '.join(METHODS)}")
    if not isinstance(table, pd.DataFrame) or list(table.index.names) != list(INDEX_NAMES):
        raise DfecsError("a keypoint table with the row index (dataset, subject, recording, frame) is needed")
    if not pd.api.types.is_integer_dtype(table.index.get_level_values("frame").dtype) and len(table):
        raise DfecsError("the frame numbers of a keypoint table must be whole numbers")
    if isinstance(frame, Mapping) and not frame:
        raise DfecsError("frame names no neutral frame at all; leave it out, or name one by its recording")
    asked = list(frame.values()) if isinstance(frame, Mapping) else [frame]
    for one in asked:
        if isinstance(one, bool) or not (one is None or isinstance(one, Integral)):
            raise DfecsError(f"a neutral frame is named by its number, a whole one, not by {one!r}")
    if isinstance(frame, Mapping):
        known = {key[:3] for key in table.index}
        for key in frame:
            if key not in known:
                raise DfecsError(f"a neutral frame is named for {key!r}, which the table has no recording of")


def _chosen(judged: Mapping[Key, Found], key: Key) -> bool:
    return key in judged and judged[key].row >= 0


def _explicit(where: NDArray[np.intp], numbers: NDArray[np.int64], frame: int, key: Key) -> int:
    found = where[numbers[where] == frame]
    if not found.size:
        low, high = numbers[where].min(), numbers[where].max()
        raise DfecsError(f"{name_of(key)} has no frame {frame}; its frames run from {low} to {high}")
    return int(found[0])


def _history(
    table: pd.DataFrame, rows: Mapping[Key, int], how: str, judged: Mapping[Key, Found], lacking: list[Key]
) -> pd.DataFrame:
    chosen = table.iloc[sorted(rows.values())]
    if not chosen.index.is_monotonic_increasing:
        chosen = chosen.sort_index()
    chosen.attrs = dict(table.attrs)
    more: dict[str, object] = {}
    if any(found.row >= 0 for found in judged.values()):
        away = {row: judged[key].away(row) for key, row in rows.items() if key in judged}
        order = [rows[cast("Key", entry[:3])] for entry in chosen.index]
        more["distance_px"] = [round(away[row], 1) if row in away and np.isfinite(away[row]) else None for row in order]
    if lacking:
        more["instead"] = {"/".join(key): f"{_OTHERWISE}: {judged[key].reason}" for key in lacking}
    frames = ["/".join(map(str, entry)) for entry in chosen.index]
    return record(chosen, "choose_neutral", method=how, frames=frames, **more)
