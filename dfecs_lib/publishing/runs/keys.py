"""The key of a run: a hash of everything that its result can depend on."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from dfecs_lib.data.manifest import Entry, load_manifest
from dfecs_lib.errors import DfecsError
from dfecs_lib.publishing.runs.parameters import Cell, tags_of
from dfecs_lib.publishing.runs.uses import code_digest

__all__ = ["data_names", "fingerprint", "run_key"]

_FORMAT = 1  # raised when what the runner itself leaves in an executed notebook changes


def run_key(
    cells: list[Cell], parameters: Mapping[str, object], data: Iterable[str], upstream: Mapping[str, str]
) -> str:
    """Return the key, 16 hexadecimal digits.

    Parameters
    ----------
    cells : list
        The notebook; its outputs and execution counts do not enter, nor does its file name. What it imports does: the
        library's modules that it uses, directly or by way of others, and the versions of the packages that these
        import (see `dfecs_lib.publishing.runs.used_code`).
    parameters : mapping
        Values given, JSON.
    data : iterable of str
        Sources that the run reads, see `fingerprint`.
    upstream : mapping
        Parameter name -> key of the run whose results it names.
    """
    source = [[c.get("cell_type"), c["source"], sorted(tags_of(c))] for c in cells]
    code = code_digest(str(c["source"]) for c in cells if c.get("cell_type") == "code")
    prints = {name: found for name in sorted(set(data)) if (found := fingerprint(name)) is not None}
    try:
        text = json.dumps([_FORMAT, source, code, dict(parameters), prints, dict(upstream)], sort_keys=True)
    except TypeError as error:
        raise DfecsError(f"a parameter of a run must be a JSON value ({error})") from error
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def data_names(values: Iterable[object]) -> list[str]:
    """Return what among parameter values may name data: any text, also inside lists and between commas.

    Examples
    --------
    >>> data_names([16, "clips/single_face@0, disfa"])
    ['clips/single_face@0', 'disfa']
    """
    found: list[str] = []
    for value in values:
        if isinstance(value, str):
            found += [part.strip() for part in value.split(",")]
        elif isinstance(value, list | tuple):
            found += data_names(value)
        elif isinstance(value, dict):
            found += data_names(value.values())
    return found


def fingerprint(source: str) -> str | None:
    """Return what identifies the data that a source names, or None where it names none.

    A file's is the hash of its content. A dataset of the manifest (``"NAME"`` or ``"NAME/RECORDING"``, with or
    without ``@FRAME``) has its entry, with checksums where it lists them, else every file's name, size and date:
    hashing a disc of recordings would take longer than most runs. A folder's is that, too.

    Examples
    --------
    >>> fingerprint("no data of this name") is None
    True
    """
    source = source.rpartition("@")[0] or source
    try:
        path = Path(source)
        if source and path.is_file():
            with path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        if source and path.is_dir():
            return _listing(path)
        known = load_manifest()
    except (OSError, ValueError):  # a long text is no path; no manifest, no datasets
        return None
    name = source.partition("/")[0]
    return _of_entry(known[name]) if name in known else None


def _of_entry(entry: Entry) -> str:
    # Where it lies on this machine says nothing about the content.
    settings = json.dumps(
        dataclasses.asdict(dataclasses.replace(entry, path=None, overridden=False)), sort_keys=True, default=str
    )
    content = _listing(entry.path) if entry.path is not None and not entry.files and entry.path.is_dir() else ""
    here = ",".join(f.name for f in entry.files if entry.path is not None and (entry.path / f.name).is_file())
    return hashlib.sha256((settings + content + here).encode()).hexdigest()


def _listing(folder: Path) -> str:
    total = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            stat = file.stat()
            total.update(f"{file.relative_to(folder).as_posix()}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return total.hexdigest()
