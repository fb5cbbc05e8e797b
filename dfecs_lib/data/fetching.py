"""Fetching the open datasets: downloaded beside their place, verified, unpacked, then moved in whole."""

from __future__ import annotations

import glob
import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dfecs_lib.data.downloads import METHODS, known_files
from dfecs_lib.data.manifest import Download, Entry, KnownFile, State, state
from dfecs_lib.errors import DfecsError
from dfecs_lib.files import clear_stale

__all__ = ["fetch", "sha256_of", "verify_files"]

_CHUNK = 1 << 20


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest()


def verify_files(entry: Entry, folder: Path, files: Iterable[KnownFile] | None = None) -> list[str]:
    """Return what is wrong with the entry's known files in a folder, a sentence each (empty: all are as published).

    Parameters
    ----------
    entry : Entry
    folder : Path
    files : iterable of KnownFile, optional
        Those to look at; by default all of the entry's.
    """
    problems = []
    for known in entry.files if files is None else files:
        path = folder / known.name
        if not path.is_file():
            problems.append(f"{known.name} is missing in {folder}")
        elif path.stat().st_size != known.size or sha256_of(path) != known.sha256:
            problems.append(f"{path} is not the published file (its checksum differs)")
    return problems


def fetch(entry: Entry, progress: bool = True) -> Path:
    """Bring an open dataset onto this machine and return its folder.

    What is there already and as it should be is not fetched again. A download that fails leaves nothing behind; the
    next call starts anew. Where a dataset comes from several places, what one of them brings is kept, whatever becomes
    of the others.

    Parameters
    ----------
    entry : Entry
        From `dfecs_lib.data.manifest.load_manifest`.
    progress : bool
        Show a progress bar.

    Raises
    ------
    DfecsError
        If the dataset is licensed or simulated, the network or the checksum fails, or the folder that an
        environment variable names does not hold the files.

    Examples
    --------
    >>> from dfecs_lib.data.fetching import fetch
    >>> from dfecs_lib.data.manifest import load_manifest
    >>> fetch(load_manifest()["clips"])  # doctest: +SKIP
    PosixPath('…/data/clips')
    """
    if entry.path is None:
        raise DfecsError(f"{entry.name} is simulated when it is asked for; there is nothing to fetch")
    found = state(entry)
    if entry.overridden:
        return _own_folder(entry, entry.path, found)
    if not entry.downloads:
        raise DfecsError(f"{entry.name} cannot be fetched ({entry.licence}) {entry.how}")
    if found is State.READY and not verify_files(entry, entry.path):
        return entry.path
    failed = []
    for download in entry.downloads:
        try:
            _bring(entry, download, entry.path, progress)
        except DfecsError as error:
            failed.append(str(error))
        except OSError as error:
            raise DfecsError(f"{entry.name}: cannot write to {entry.path} ({error.strerror or error})") from error
    if failed:
        raise DfecsError(" | ".join(failed))
    return entry.path


def _bring(entry: Entry, download: Download, target: Path, progress: bool) -> None:
    files = known_files(entry, download)
    if files and not verify_files(entry, target, files):
        return
    with _workplace(target) as work:
        new = work / "new"
        new.mkdir()
        METHODS[download.method](entry, download, work, new, progress)
        problems = verify_files(entry, new, files)
        if problems:
            raise DfecsError(f"{entry.name}: {'; '.join(problems)}; nothing was kept")
        _move_in(new, target)


@contextmanager
def _workplace(target: Path) -> Iterator[Path]:
    """Give each fetch a folder of its own beside the target: two at once do not disturb each other.

    One that was killed leaves its folder; it is cleared away when it is certainly no longer at work.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{target.name}.part-"
    clear_stale(target.parent, f"{glob.escape(prefix)}*")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=prefix, ignore_cleanup_errors=True) as work:
        yield Path(work)


def _own_folder(entry: Entry, path: Path, found: State) -> Path:
    problems = verify_files(entry, path) if path.is_dir() else [f"{path} is no folder"]
    if not problems and found is not State.READY:
        problems = [f"{path} is {found}"]
    if problems:
        raise DfecsError(f"{entry.variable} says where {entry.name} is, but {'; '.join(problems)}")
    return path


def _move_in(new: Path, target: Path) -> None:
    """Put the verified files in place; what else lies in the target folder is left alone."""
    if not target.exists():
        try:
            new.replace(target)
            return
        except OSError:
            if not target.is_dir():  # else another fetch was quicker
                raise
    for path in sorted(new.rglob("*")):
        if path.is_file():
            place = target / path.relative_to(new)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
