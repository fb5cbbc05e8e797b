"""What the readers of datasets' folders share: finding files, reading recordings in parallel, putting them together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray
from tqdm import tqdm

from dfecs_lib.data.timing import shared_rate
from dfecs_lib.errors import DfecsError
from dfecs_lib.files import natural_key
from dfecs_lib.keypoints import INDEX_NAMES, validate
from dfecs_lib.keypoints.dataset import Readings, ReadReport
from dfecs_lib.keypoints.labels import INTENSITY, OCCURRENCE
from dfecs_lib.keypoints.plausible import LARGEST_COORDINATE
from dfecs_lib.keypoints.schemes import get_scheme

__all__ = [
    "Recording",
    "assemble",
    "find",
    "frame_numbers",
    "numbers_in",
    "read_all",
    "stack_frames",
    "xy_lines",
]

#: Reading small files waits for the disc more than it computes; a few threads are enough.
N_JOBS = 4


@dataclass(frozen=True)
class Recording:
    """One recording as read: `values` (n, 2K) by `frames` (n,), labels by unit name (n,), and what went wrong."""

    subject: str
    recording: str
    frames: NDArray[np.int64]
    values: NDArray[np.float64]
    intensities: Mapping[str, NDArray[np.float64]] | None = None
    occurrences: Mapping[str, NDArray[np.float64]] | None = None
    unreadable: Sequence[tuple[str, str]] = ()
    dropped: int = 0
    notes: Sequence[str] = field(default=())
    frames_per_second: float | None = None


def find(folder: Path, pattern: str, what: str, *, empty_is_an_error: bool = True) -> list[Path]:
    """Return the paths below `folder` that match a glob pattern, in natural order of their parents and names.

    Raises
    ------
    DfecsError
        If the folder does not exist, or nothing matches: the sentence says which pattern found nothing and where.
    """
    if not folder.is_dir():
        raise DfecsError(f"{folder}: no such folder")
    found = [path for path in folder.glob(pattern) if not path.name.startswith(".")]
    if not found and empty_is_an_error:
        raise DfecsError(f"{folder}: nothing matches {pattern!r} ({what})")
    return sorted(found, key=lambda path: (str(path.parent), natural_key(path.name)))


def frame_numbers(paths: Sequence[Path]) -> NDArray[np.int64]:
    """Return the frame numbers in a recording's file names, whatever stands around them and however padded.

    It is the last group of digits that differs in every name; files without one are counted 1, 2, … in their order.
    Groups of more than 15 digits are no frame numbers.
    """
    groups = [re.findall(r"(?<!\d)\d{1,15}(?!\d)", path.stem) for path in paths]
    for back in range(1, min((len(g) for g in groups), default=0) + 1):
        numbers = [int(g[-back]) for g in groups]
        if len(set(numbers)) == len(numbers):
            return np.array(numbers, dtype=np.int64)
    return np.arange(1, len(paths) + 1, dtype=np.int64)


def numbers_in(path: Path) -> list[list[float]]:
    """Return the numbers of a text file, line by line, blanks and commas between them.

    Raises
    ------
    ValueError
        If the file is no text, or holds anything but numbers; the message is short and does not name the file.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError("not a text file") from error
    try:
        return [[float(n) for n in line.replace(",", " ").split()] for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise ValueError(f"holds something that is no number ({str(error)[-40:]})") from error


def xy_lines(path: Path) -> NDArray[np.float64]:
    """Return the points (K, 2) of a text file with a line ``x y`` for each; ValueError as `numbers_in`."""
    lines = numbers_in(path)
    if not lines or any(len(line) != 2 for line in lines):
        raise ValueError("lines 'x y' are needed")
    return np.array(lines, dtype=np.float64)


def stack_frames(
    root: Path, paths: Sequence[Path], n_points: int, read: Callable[[Path], NDArray[np.float64]]
) -> tuple[NDArray[np.float64], list[tuple[str, str]]]:
    """Read one file a frame into rows (n, 2K); a file that cannot be read is a row of NaN and is named.

    Parameters
    ----------
    root : Path
        Unreadable files are named relative to it.
    paths : sequence of Path
    n_points : int
        K.
    read : callable (path) -> array of shape (K, 2)
        May raise ValueError or OSError.
    """
    values = np.full((len(paths), 2 * n_points), np.nan)
    unreadable = []
    for row, path in enumerate(paths):
        try:
            points = read(path)
            if points.shape != (n_points, 2):
                raise ValueError(f"{n_points} points are needed, the file has the shape {points.shape}")
            if (np.abs(np.nan_to_num(points, posinf=0.0, neginf=0.0)) > LARGEST_COORDINATE).any():
                raise ValueError(f"holds coordinates beyond {LARGEST_COORDINATE:,.0f} pixels")
        except (ValueError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            unreadable.append((path.relative_to(root).as_posix(), str(reason)))
            continue
        points = np.where(np.isfinite(points), points, np.nan)
        if (points != 0).any():  # a tracker that found no face writes zeros
            values[row] = points.T.ravel()
    return values, unreadable


def read_all(
    read_one: Callable[..., Recording],
    jobs: Iterable[tuple[object, ...]],
    *,
    label: str,
    n_jobs: int,
    progress: bool | None,
) -> list[Recording]:
    """Read recordings in threads, in order, with a progress bar (`progress` None: only on a terminal)."""
    listed = list(jobs)
    parallel = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")
    done = parallel(delayed(read_one)(*job) for job in listed)
    hidden = None if progress is None else not progress
    return list(tqdm(done, total=len(listed), desc=f"reading {label}", unit="recording", disable=hidden))


def _labels(recordings: Sequence[Recording], index: pd.MultiIndex, kind: str) -> pd.DataFrame | None:
    each = [r.intensities if kind == INTENSITY else r.occurrences for r in recordings]
    columns = sorted({unit for units in each if units for unit in units})
    if not columns:
        return None
    blocks = []
    for recording, units in zip(recordings, each, strict=True):
        nothing = np.full(len(recording.frames), np.nan)
        blocks.append(np.column_stack([(units or {}).get(unit, nothing) for unit in columns]))
    table = pd.DataFrame(np.concatenate(blocks), index=index, columns=columns).sort_index()
    table.attrs = {"unit": kind, "history": []}
    return table


def assemble(
    recordings: Sequence[Recording],
    *,
    name: str,
    reader: str,
    scheme: str,
    notes: Sequence[str] = (),
    **options: object,
) -> Readings:
    """Put recordings together as tables under one index, with the account of the reading.

    Raises
    ------
    DfecsError
        If not a single frame could be read.
    """
    kept = [r for r in recordings if len(r.frames)]
    unreadable = tuple(entry for r in recordings for entry in r.unreadable)
    if not any(np.isfinite(r.values).any() for r in kept):
        first = f"; the first: {unreadable[0][0]} ({unreadable[0][1]})" if unreadable else ""
        raise DfecsError(f"{name}: not a single frame could be read{first}")
    lengths = [len(r.frames) for r in kept]
    index = pd.MultiIndex.from_arrays(
        [
            [name] * sum(lengths),
            np.repeat([r.subject for r in kept], lengths),
            np.repeat([r.recording for r in kept], lengths),
            np.concatenate([r.frames for r in kept]),
        ],
        names=INDEX_NAMES,
    )
    columns = list(get_scheme(scheme).columns)
    keypoints = pd.DataFrame(np.concatenate([r.values for r in kept]), index=index, columns=columns).sort_index()
    failed = int(keypoints.isna().all(axis=1).sum())
    history = {"operation": "read", "source": reader, "file": name, "frames": len(keypoints), "failed": failed}
    keypoints.attrs = {"scheme": scheme, "history": [history | options]}
    rates = [r.frames_per_second for r in kept]
    if None not in rates and (rate := shared_rate([r for r in rates if r is not None])) is not None:
        keypoints.attrs["frames_per_second"] = rate
    report = ReadReport(
        frames=len(keypoints),
        failed=failed,
        dropped=sum(r.dropped for r in recordings),
        unreadable=unreadable,
        notes=(*notes, *(note for r in recordings for note in r.notes)),
    )
    intensities, occurrences = _labels(kept, index, INTENSITY), _labels(kept, index, OCCURRENCE)
    if intensities is None:
        return Readings(validate(keypoints), occurrences, occurrences, report)
    return Readings(validate(keypoints), intensities, occurrences, report)
