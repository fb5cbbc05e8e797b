"""A notebook's parameters: what its ``parameters`` cell declares, and the values given for them."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Mapping
from pathlib import Path

import yaml

from dfecs_lib.errors import DfecsError
from dfecs_lib.files import exists, parse_yaml, shipped

__all__ = ["Cell", "declared_parameters", "find_notebook", "read_notebook", "resolve"]

#: A notebook's cell, as it is stored.
Cell = dict[str, object]
_FALSE_TRUE = {"false": False, "no": False, "off": False, "true": True, "yes": True, "on": True}
_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a mapping",
}


def find_notebook(name: str) -> Path:
    """Return a notebook's path: the file of that name, or the one of that name in ``notebooks`` here or as shipped."""
    places = [Path(name), Path("notebooks", f"{name}.ipynb"), shipped(f"notebooks/{name}.ipynb")]
    return next((place for place in places if exists(place) and place.is_file()), places[0])


def read_notebook(path: str | os.PathLike[str]) -> list[Cell]:
    """Return a notebook's cells, each source as one string.

    Raises
    ------
    DfecsError
        If it is missing, or is no notebook of format 4.
    """
    file = Path(path)
    if not exists(file):
        raise DfecsError(f"{file}: no such notebook")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["nbformat"] != 4:
            raise DfecsError(f"{file}: notebook format {content['nbformat']}; only format 4 is read")
        return [{**cell, "source": "".join(cell["source"])} for cell in content["cells"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, DfecsError):
            raise
        raise DfecsError(f"{file}: not a Jupyter notebook (.ipynb)") from error


def tags_of(cell: Cell) -> list[str]:
    """Return a cell's tags."""
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return [str(tag) for tag in tags] if isinstance(tags, list) else []


def declared_parameters(cells: list[Cell], name: str = "the notebook") -> dict[str, object]:
    """Return the names and defaults that the cell tagged ``parameters`` declares; none without such a cell.

    Read from the syntax tree, so that a default may span lines; nothing is executed.

    Raises
    ------
    DfecsError
        If that cell holds anything but assignments of literals.
    """
    cell = next((c for c in cells if c.get("cell_type") == "code" and "parameters" in tags_of(c)), None)
    if cell is None:
        return {}
    declared: dict[str, object] = {}
    try:
        for statement in ast.parse(str(cell["source"])).body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                continue  # a string that explains
            if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                target, value = statement.targets[0], statement.value
            elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
                target, value = statement.target, statement.value
            else:
                raise ValueError(ast.unparse(statement))
            if not isinstance(target, ast.Name):
                raise ValueError(ast.unparse(statement))
            default = ast.literal_eval(value)
            if default is not None and not isinstance(default, (*_KINDS, tuple)):
                raise ValueError(ast.unparse(statement))
            declared[target.id] = list(default) if isinstance(default, tuple) else default
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise DfecsError(f"{name}: its parameters cell may only assign literals to names, not: {error}") from error
    return declared


def resolve(
    declared: Mapping[str, object], given: Mapping[str, object], name: str = "the notebook"
) -> dict[str, object]:
    """Return the given values, each of its default's type; words of a command line are converted.

    Parameters
    ----------
    declared : mapping
        Names and defaults, see `declared_parameters`.
    given : mapping
        Values; a string is converted where the default is not one. None (``none``, ``null``) is always taken.
    name : str
        Of the notebook, for the error.

    Raises
    ------
    DfecsError
        For unknown names (all at once), and for a value that is not of the default's type.

    Examples
    --------
    >>> resolve({"n_units": 16, "source": "disfa"}, {"n_units": "8", "source": "12"})
    {'n_units': 8, 'source': '12'}
    """
    unknown = [p for p in given if p not in declared]
    if unknown:
        has = ", ".join(declared) or "none"
        raise DfecsError(f"{name} has no parameter {', '.join(map(repr, unknown))}; it has: {has}")
    return {p: _typed(p, value, declared[p], name) for p, value in given.items()}


def _typed(parameter: str, value: object, default: object, name: str) -> object:
    if isinstance(value, str) and not isinstance(default, str):
        value = _from_text(value, default)
    if value is None or default is None:
        return value
    kind = next(k for k in _KINDS if isinstance(default, k))
    if isinstance(value, tuple):
        value = list(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise DfecsError(
            f"{name}: the parameter {parameter!r} takes {_KINDS[kind]} (default {default!r}), not {value!r}"
        )
    return value


def _from_text(text: str, default: object) -> object:
    word = text.strip().casefold()
    if word in ("none", "null"):
        return None
    if isinstance(default, bool):
        return _FALSE_TRUE.get(word, text)
    try:
        if isinstance(default, int | float):  # YAML takes 1e-3 for a word
            return int(text) if isinstance(default, int) else float(text)
        return parse_yaml(text)
    except (ValueError, yaml.YAMLError):
        return text
