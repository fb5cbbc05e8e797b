"""What `dfecs data list` and `dfecs data check` say: the state of every dataset, and counts against expectations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dfecs_lib.data.fetching import verify_files
from dfecs_lib.data.manifest import Entry, Manifest, State, state
from dfecs_lib.data.readers.registry import dataset_reader
from dfecs_lib.errors import DfecsError

__all__ = ["Report", "check", "listing"]


@dataclass(frozen=True)
class Report:
    """The result of checking one dataset.

    Parameters
    ----------
    name : str
    state : State
    path : Path or None
    found, expected : mapping of str to int
        Counts by ``subjects``, ``recordings``, ``frames``, ``files``; `expected` holds those that the manifest knows.
    problems : tuple of str
        What is missing or wrong, a sentence each.
    """

    name: str
    state: State
    path: Path | None
    found: Mapping[str, int]
    expected: Mapping[str, int]
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the dataset is there and nothing is missing."""
        return self.state in (State.READY, State.BUILT_IN) and not self.problems

    def sentences(self) -> list[str]:
        """Return the result as sentences."""
        place = "" if self.path is None else f" ({self.path})"
        counts = [f"{n:,} {what}" + self._of(what) for what, n in self.found.items()]
        head = f"{self.name}: {self.state}{place}" + (f"; {', '.join(counts)}" if counts else "")
        return [head + ".", *self.problems]

    def _of(self, what: str) -> str:
        return f" of {self.expected[what]:,}" if what in self.expected else ""

    def __str__(self) -> str:
        return "\n".join(self.sentences())


def listing(manifest: Manifest) -> pd.DataFrame:
    """Return one row per dataset: ``name, state, kind, scheme, path, licence, title``, in the manifest's order.

    Examples
    --------
    >>> from dfecs_lib.data.manifest import load_manifest
    >>> listing(load_manifest()).set_index("name").loc["sim-disfa", "state"]
    'built in'
    """
    rows = [
        {
            "name": entry.name,
            "state": str(state(entry)),
            "kind": entry.kind,
            "scheme": entry.scheme or "",
            "path": "" if entry.path is None else str(entry.path),
            "licence": entry.licence,
            "title": entry.title,
        }
        for entry in manifest.values()
    ]
    return pd.DataFrame(rows)


def check(entry: Entry) -> Report:
    """Count a dataset's subjects, recordings and frames, verify its known files, and say what is missing.

    Parameters
    ----------
    entry : Entry
        From `dfecs_lib.data.manifest.load_manifest`.

    Returns
    -------
    Report
    """
    found_state = state(entry)
    if entry.path is None:
        return Report(entry.name, found_state, None, {}, {}, ())
    if found_state is State.ABSENT:
        return Report(entry.name, found_state, entry.path, {}, entry.expected, (f"Not on this machine. {entry.how}",))
    if entry.files:
        problems = verify_files(entry, entry.path)
        found = {"files": len(entry.files) - len(problems)}
        sentences = tuple(f"{problem}." for problem in problems)
        return Report(entry.name, found_state, entry.path, found, {"files": len(entry.files)}, sentences)
    try:
        table = dataset_reader(entry.reader).inventory(entry.path)
    except DfecsError as error:
        return Report(entry.name, found_state, entry.path, {}, entry.expected, (f"{error}.",))
    counts = {
        "subjects": int(table["subject"].nunique()),
        "recordings": len(table),
        "frames": int(table["frames"].sum()),
    }
    return Report(entry.name, found_state, entry.path, counts, entry.expected, tuple(_missing(entry, table, counts)))


def _missing(entry: Entry, table: pd.DataFrame, counts: Mapping[str, int]) -> Iterable[str]:
    subjects = set(table["subject"])
    lacking = [name for name in entry.subject_names if name not in subjects]
    if lacking:
        yield f"Subjects missing: {', '.join(lacking)}."
    strange = sorted(subjects - set(entry.subject_names)) if entry.subject_names else []
    if strange:
        yield f"Subjects that the dataset is not known to have: {', '.join(strange)}."
    for what, expected in entry.expected.items():
        if counts[what] != expected:
            yield f"{expected:,} {what} are expected, {counts[what]:,} were found."
    empty = table[table["frames"] == 0]
    if len(empty):
        names = (empty["subject"] + "/" + empty["recording"]).tolist()
        yield f"Recordings without a frame: {', '.join(names)}."
