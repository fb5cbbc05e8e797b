"""Units by name: trained model files in a folder, found by the names of their files.

Where they are looked for: the folder ``$DFECS_UNITS``; else ``units/`` in the current folder; else ``units/`` of the
books built in ``_site``, where ``dfecs book`` puts those that it trained. The first that has the name counts.
"""

from __future__ import annotations

import os
from pathlib import Path

from dfecs_lib.errors import DfecsError
from dfecs_lib.files import natural_key

__all__ = ["SUFFIX", "find_units", "known_units", "units_folders"]

SUFFIX = ".npz"
_VARIABLE = "DFECS_UNITS"


def units_folders() -> list[Path]:
    """Return the folders that are searched, those that are not there included.

    Raises
    ------
    DfecsError
        If ``$DFECS_UNITS`` is set and is no folder.
    """
    given = os.environ.get(_VARIABLE)
    if given:
        if not Path(given).is_dir():
            raise DfecsError(f"{_VARIABLE} is {given}, which is no folder; set it to a folder of model files")
        return [Path(given)]
    return [Path("units"), *sorted(Path("_site").glob("*/html/units"))]


def known_units() -> dict[str, Path]:
    """Return the units that a name finds.

    Returns
    -------
    dict of name -> path
        Of the model file; its card, where there is one, lies beside it with the suffix ``.md``.
    """
    found: dict[str, Path] = {}
    for folder in units_folders():
        for file in folder.glob(f"*{SUFFIX}"):
            found.setdefault(file.stem, file)
    return {name: found[name] for name in sorted(found, key=natural_key)}


def find_units(name: str) -> Path:
    """Return the model file that a path or a name means.

    Parameters
    ----------
    name : str
        A file, or, without suffix and folder, the name of units that `known_units` lists. A file comes first.

    Raises
    ------
    DfecsError
        If the name is neither; known names are listed.

    Examples
    --------
    >>> find_units("units.npz").name
    'units.npz'
    """
    path = Path(name)
    if path.exists() or path.suffix or path.name != name:
        return path
    known = known_units()
    if name in known:
        return known[name]
    places = ", ".join(str(folder) for folder in units_folders())
    listed = f"known: {', '.join(known)}" if known else f"there are none in {places}"
    raise DfecsError(
        f"no units are named {name!r}; {listed}. Name a model file such as units.npz, or set {_VARIABLE} to a folder "
        "of model files"
    )
