"""Who is shown where, as files' names say it: ``P01_happy.csv`` read by the pattern ``{subject}_{recording}``."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from dfecs_lib.errors import DfecsError

__all__ = ["names_from_path", "shortest_endings", "stem_of"]

_FIELDS = ("dataset", "subject", "recording")
_TOKEN = re.compile(r"\{(.*?)\}|(\*)|([^{*]+|\{)")
_PACKED = ".gz"


def stem_of(path: str | os.PathLike[str]) -> str:
    """Return a file's name without its ending, nor that of a compressed one.

    Examples
    --------
    >>> stem_of("lab/P01.v2.csv.gz"), stem_of("P01.v2.csv")
    ('P01.v2', 'P01.v2')
    """
    return _without_ending(Path(path)).name


def _without_ending(path: Path) -> Path:
    if path.suffix.lower() == _PACKED and Path(path.stem).suffix:
        path = path.with_suffix("")
    return path.with_suffix("")


def shortest_endings(paths: Sequence[tuple[str, ...]]) -> list[str]:
    """Name paths by as few of their last parts as tell all different ones apart.

    Parameters
    ----------
    paths : sequence of tuple of str
        The parts of each.

    Examples
    --------
    >>> shortest_endings([("films", "001", "annot"), ("films", "002", "annot")])
    ['001/annot', '002/annot']
    """
    different = len(set(paths))
    for depth in range(1, max(map(len, paths), default=0) + 1):
        names = ["/".join(parts[-depth:]) for parts in paths]
        if len(set(names)) == different:
            return names
    return ["/".join(parts) for parts in paths]


def names_from_path(path: str | os.PathLike[str], pattern: str) -> dict[str, str]:
    """Return the names that a file's path holds, for the row index of its table.

    Parameters
    ----------
    path : str or path
        A file, or a folder of images.
    pattern : str
        ``{dataset}``, ``{subject}`` and ``{recording}`` stand for a name, ``*`` for anything, the rest for itself; the
        file's ending is left out. Datasets and subjects have names as short as the pattern allows, recordings and
        ``*`` take the rest, since it is recordings whose names are long: in ``a_b_P1`` as in ``P1_a_b`` the subject is
        ``P1``. With ``/`` the folders above the file are read too.

    Raises
    ------
    DfecsError
        If the path does not fit the pattern, or the pattern holds no such name, an unknown one, or one twice.

    Examples
    --------
    >>> names_from_path("lab/P01_happy_2.csv", "{subject}_{recording}")
    {'subject': 'P01', 'recording': 'happy_2'}
    >>> names_from_path("lab/day_2-happy-P01.csv", "{recording}-{subject}")
    {'recording': 'day_2-happy', 'subject': 'P01'}
    >>> names_from_path("lab/P01/happy.csv", "{subject}/*")
    {'subject': 'P01'}
    """
    whole = Path(path).absolute()
    whole = whole if whole.is_dir() else _without_ending(whole)
    depth = pattern.count("/") + 1
    found = _compiled(pattern).fullmatch("/".join(whole.parts[-depth:]))
    if found is None:
        raise DfecsError(f"{os.fspath(path)}: does not fit the pattern of names {pattern!r}; mend one of the two")
    return found.groupdict()


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    fields, parts = [], []
    for field, anything, text in _TOKEN.findall(pattern):
        if field:
            fields.append(field)
            greed = "" if field == "recording" else "?"
            parts.append(f"(?P<{field}>[^/]+{greed})" if field in _FIELDS else "")
        else:
            parts.append("[^/]*" if anything else re.escape(text))
    if not fields or not set(fields) <= set(_FIELDS) or len(set(fields)) < len(fields):
        raise DfecsError(
            f"the pattern of names {pattern!r} must hold some of {', '.join(f'{{{f}}}' for f in _FIELDS)}, "
            "each once, and nothing else in braces"
        )
    return re.compile("".join(parts))
