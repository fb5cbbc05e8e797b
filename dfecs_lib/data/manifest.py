"""The manifest: every dataset with its licence, citation, place, reader and what to expect of it.

Which manifest: the path given, else ``data_manifest.yaml`` in the current folder, else the one beside the library.
Where data lie: ``DFECS_<NAME>`` (say ``DFECS_DISFA``), else the entry's path below ``DFECS_DATA``, else below
``data/`` beside the manifest.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from dfecs_lib.data.manifest_entries import Download, Entry, KnownFile, State, check_content, parse_entry
from dfecs_lib.errors import DfecsError
from dfecs_lib.files import exists, read_yaml, shipped

__all__ = [
    "Download",
    "Entry",
    "KnownFile",
    "Manifest",
    "State",
    "UnknownDatasetError",
    "data_folder",
    "find_manifest",
    "load_manifest",
    "state",
]

MANIFEST_NAME = "data_manifest.yaml"


class UnknownDatasetError(DfecsError, KeyError):
    """The manifest has no dataset of that name."""

    def __str__(self) -> str:
        return str(self.args[0])


class Manifest(Mapping[str, Entry]):
    """The datasets by name; asking for an unknown one is a DfecsError that names the known ones."""

    def __init__(self, path: Path, entries: Mapping[str, Entry]) -> None:
        self.path = path
        self._entries = dict(entries)

    def __getitem__(self, name: str) -> Entry:
        if name not in self._entries:
            raise UnknownDatasetError(f"no dataset {name!r} in {self.path}; known: {', '.join(self._entries)}")
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def find_manifest(path: str | os.PathLike[str] | None = None) -> Path:
    """Return the manifest's path: the one given, else the current folder's, else the one beside the library.

    Raises
    ------
    DfecsError
        If there is none. A bare ``data_manifest.yaml`` counts as "not given".
    """
    if path is not None and str(path) != MANIFEST_NAME:
        given = Path(path)
        if not (exists(given) and given.is_file()):
            raise DfecsError(f"{given}: no such manifest")
        return given
    places = [Path.cwd() / MANIFEST_NAME, shipped(MANIFEST_NAME)]
    for place in places:
        if place.is_file():
            return place
    raise DfecsError(f"no {MANIFEST_NAME} in {' or '.join(str(p.parent) for p in places)}; say which manifest to use")


def data_folder(manifest: Path) -> Path:
    """Return the folder for data: ``DFECS_DATA``, else ``data/`` beside the manifest.

    For the manifest inside an installed package it is ``data/`` in the current folder: nothing is written among
    the installed code.
    """
    if os.environ.get("DFECS_DATA"):
        return Path(os.environ["DFECS_DATA"]).expanduser()
    return (
        Path.cwd() if manifest.parent.name == "share" and manifest == shipped(MANIFEST_NAME) else manifest.parent
    ) / "data"


def load_manifest(path: str | os.PathLike[str] | None = None) -> Manifest:
    """Read a manifest and resolve every path for this machine.

    Parameters
    ----------
    path : str or path, optional
        See `find_manifest`.

    Raises
    ------
    DfecsError
        If there is no manifest, it is not valid YAML or not as ``manifest.schema.json`` says, or a path in it leads
        out of the data folder without being absolute.

    Examples
    --------
    >>> from dfecs_lib.data.manifest import load_manifest
    >>> load_manifest()["disfa"].scheme
    'disfa66'
    """
    source = find_manifest(path)
    datasets = check_content(source, read_yaml(source))
    folder = data_folder(source)
    return Manifest(source, {name: parse_entry(name, given, source, folder) for name, given in datasets.items()})


def state(entry: Entry) -> State:
    """Say what is on disc: by presence, size and layout; `dfecs_lib.data.checking.check` counts and verifies."""
    if entry.kind == "simulated":
        return State.BUILT_IN
    if entry.path is None or not entry.path.exists():
        return State.ABSENT
    if not entry.path.is_dir():
        return State.INCOMPLETE
    if entry.files:
        present = [f for f in entry.files if (p := entry.path / f.name).is_file() and p.stat().st_size == f.size]
        if len(present) == len(entry.files):
            return State.READY
        return State.INCOMPLETE if any(entry.path.iterdir()) else State.ABSENT
    from dfecs_lib.data.readers.registry import dataset_reader

    if dataset_reader(entry.reader).sniff(entry.path):
        return State.READY
    return State.INCOMPLETE if any(entry.path.iterdir()) else State.ABSENT
