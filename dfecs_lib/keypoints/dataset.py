"""What a dataset is: keypoints, neutral frames, labels, and an account of what was read."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from dfecs_lib.errors import DfecsError

__all__ = ["Dataset", "ReadReport", "Readings"]

_SHOWN = 10


@dataclass(frozen=True)
class ReadReport:
    """An account of a reading, in plain numbers and sentences.

    Parameters
    ----------
    frames : int
        Rows of the keypoint table, failed frames included.
    failed : int
        Rows without a single point: the tracker lost the face, or the frame's file could not be read.
    dropped : int
        Frames on disc that were left out on purpose, say by an error log (skipped subjects are not counted).
    unreadable : tuple of (str, str)
        Files that could not be read, relative to the dataset's folder, each with the reason.
    notes : tuple of str
        Everything else worth knowing, a sentence each.
    lines, lines_used : int
        Lines of data in a file, and those that are rows of the table; 0 where there is no one file.
    set_aside : tuple of (str, int)
        What the other lines are, and how many: with `lines_used` they make up `lines`.
    problems : tuple of str
        What makes the whole table unfit to learn from, though it was read: no face in any frame, points in another
        order than a face's.
    """

    frames: int
    failed: int = 0
    dropped: int = 0
    unreadable: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    lines: int = 0
    lines_used: int = 0
    set_aside: tuple[tuple[str, int], ...] = ()
    problems: tuple[str, ...] = ()

    def sentences(self) -> list[str]:
        """Return the account as sentences."""
        out = [f"{self.frames:,} frames read, {self.failed:,} of them without a usable face, {self.dropped:,} dropped."]
        out += [f"{path} could not be read: {reason}." for path, reason in self.unreadable[:_SHOWN]]
        if len(self.unreadable) > _SHOWN:
            out.append(f"{len(self.unreadable) - _SHOWN:,} further files could not be read.")
        problems = [f"{problem[0].upper()}{problem[1:]}." for problem in self.problems]
        return [*out, *problems, *self.notes]

    def __str__(self) -> str:
        return "\n".join(self.sentences())


@dataclass(frozen=True, eq=False)
class Readings:
    """What a dataset reader hands over: a `Dataset` whose neutral frames are yet to be found."""

    keypoints: pd.DataFrame
    action_units: pd.DataFrame | None
    occurrences: pd.DataFrame | None
    report: ReadReport


@dataclass(frozen=True, eq=False)
class Dataset:
    """A dataset as tables that share their row index ``(dataset, subject, recording, frame)``.

    Parameters
    ----------
    name : str
        The manifest's name.
    keypoints : keypoint table
        See `dfecs_lib.keypoints`; failed frames are NaN rows.
    neutral : keypoint table or None
        The neutral frames that are known, rows of `keypoints` under their own index entries: one per (dataset,
        subject), or one per (dataset, subject, recording). None where `dfecs_lib.preprocessing.prepare` is to choose.
    action_units : DataFrame or None
        Labels, columns ``AU01 …``, NaN = not coded; ``attrs["unit"]`` says what a value means
        (``"intensity 0-5"`` or ``"occurrence 0/1"``).
    report : ReadReport
        Frames read, failed, dropped; files that could not be read.
    occurrences : DataFrame or None
        Whether a unit is present (0/1, NaN = not coded), where that is known apart from the intensity.
    time : Series or None
        Seconds from the start of each frame's recording, where the source has it.
    estimates : DataFrame or None
        Action units as the tracker's own program estimates them: another program's word, no labels.
    pose : DataFrame or None
        The head's ``pitch, yaw, roll`` in degrees, as the tracker's program estimates it.

    Examples
    --------
    >>> from dfecs_lib import load_dataset
    >>> data = load_dataset("sim-ckplus")  # doctest: +SKIP
    >>> data.keypoints.attrs["scheme"]  # doctest: +SKIP
    'ibug68'
    """

    name: str
    keypoints: pd.DataFrame
    neutral: pd.DataFrame | None
    action_units: pd.DataFrame | None
    report: ReadReport
    occurrences: pd.DataFrame | None = field(default=None, kw_only=True)
    time: pd.Series[float] | None = field(default=None, kw_only=True)
    estimates: pd.DataFrame | None = field(default=None, kw_only=True)
    pose: pd.DataFrame | None = field(default=None, kw_only=True)

    @property
    def subjects(self) -> list[str]:
        """The subjects' names, sorted."""
        return sorted(set(self.keypoints.index.get_level_values("subject")))

    @property
    def n_recordings(self) -> int:
        """The number of recordings."""
        return int(self.keypoints.groupby(level=["dataset", "subject", "recording"]).ngroups)

    def with_any_unit(self) -> pd.Series[bool]:
        """Say of every frame whether any action unit is coded as present (an unknown one counts as absent).

        Raises
        ------
        DfecsError
            If the dataset has no labels.
        """
        labels = self.action_units if self.occurrences is None else self.occurrences
        if labels is None:
            raise DfecsError(f"{self.name} has no action unit labels")
        return (labels > 0).any(axis=1)

    def __repr__(self) -> str:
        scheme = self.keypoints.attrs.get("scheme")
        known = "no known" if self.neutral is None else len(self.neutral)
        units = 0 if self.action_units is None else self.action_units.shape[1]
        return (
            f"Dataset({self.name!r}: {len(self.subjects)} subjects, {self.n_recordings} recordings, "
            f"{len(self.keypoints):,} frames, scheme {scheme!r}, {known} neutral frames, {units} AUs)"
        )
