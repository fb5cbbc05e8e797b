"""What code stands on: the library's modules that it imports, directly or by way of others, and their packages.

Nothing is executed: import statements are read from the syntax tree, those inside functions too, and a text that is the
name of a module counts as an import of it, since registries name by text what they import when it is asked for.
"""

from __future__ import annotations

import ast
import hashlib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

__all__ = ["LIBRARY", "code_digest", "used_code"]

LIBRARY = Path(__file__).parents[2]
_ROOT = LIBRARY.name


def code_digest(sources: Iterable[str], library: Path | None = None) -> str:
    """Return a hash of the library's files that `sources` use (see `used_code`) and of the packages' versions."""
    files, packages = used_code(sources, library)
    total = hashlib.sha256(f"{sys.version_info[:3]}".encode())
    for package in packages:
        total.update(f"{package} {_versions(package)}\n".encode())
    for file in files:
        total.update(file.name.encode() + b"\0" + file.read_bytes())
    return total.hexdigest()


def used_code(sources: Iterable[str], library: Path | None = None) -> tuple[list[Path], list[str]]:
    """Return the files and the other packages that some Python sources stand on.

    Parameters
    ----------
    sources : iterable of str
        Such as a notebook's cells. A source that is not Python uses the whole library.
    library : Path
        The folder of the library.

    Returns
    -------
    files : list of Path
        Modules of the library (and those in the current folder that are imported), and the data files that lie in
        the folders of these modules.
    packages : list of str
        Top-level names of what else is imported and does not come with Python.

    Examples
    --------
    >>> files, packages = used_code(["from dfecs_lib.errors import DfecsError"])
    >>> [file.name for file in files], packages
    (['__init__.py', 'errors.py'], [])
    """
    library = LIBRARY if library is None else library
    try:
        todo = set().union(*(_imported(source) for source in sources))
    except SyntaxError:
        todo = {".".join(f.relative_to(library.parent).with_suffix("").parts) for f in library.rglob("*.py")}
    seen: set[str] = set()
    files: set[Path] = set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        executed = _files_of(name, library)
        for file in executed:
            if file not in files:
                files.add(file)
                todo |= _imported_by(file, library, file.stat().st_mtime_ns)
        if executed == [library / "__init__.py"] and name != _ROOT:  # a name that the library itself hands on
            todo |= _texts(executed[0])
    for folder in {file.parent for file in files if file.is_relative_to(library)} - {library}:
        files.update(_data_in(folder))
    return sorted(files), sorted({name.partition(".")[0] for name in seen} - {_ROOT, *sys.stdlib_module_names})


def _files_of(name: str, library: Path) -> list[Path]:
    """Return the files that an import of a dotted name executes: the packages above it, and the module itself."""
    parts = name.split(".")
    top = library.parent if parts[0] == _ROOT else Path.cwd()
    places = [top.joinpath(*parts[: n + 1]) for n in range(len(parts))]
    return [f for place in places for f in (place / "__init__.py", place.with_suffix(".py")) if f.is_file()]


def _data_in(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir() and path.name != "__pycache__" and not (path / "__init__.py").exists():
            yield from _data_in(path)
        elif path.is_file() and path.suffix not in (".py", ".pyc"):
            yield path


@cache
def _imported_by(file: Path, library: Path, changed: int) -> frozenset[str]:  # noqa: ARG001
    """Return what a file imports; that it has `changed` since is seen by the cache."""
    source = file.read_text(encoding="utf-8")
    if not file.is_relative_to(library):
        return frozenset(_imported(source))
    package = ".".join(file.parent.relative_to(library.parent).parts)
    # The library's own __init__ names by text what users may take from it; what they take is followed elsewhere.
    return frozenset(_imported(source, package) | (set() if package == _ROOT else _texts(file)))


def _imported(source: str, package: str = "") -> set[str]:
    """Return dotted names that a source imports, or may import, as ``from a import b`` may import ``a.b``."""
    tree = ast.parse(re.sub(r"(?m)^\s*(%%(time|capture)\b|%(?!%)|!).*$", "", source))  # a notebook's magic words
    names: set[str] = set()
    for node in _executed(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            names.update(f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and (dotted := ast.unparse(node)).startswith(f"{_ROOT}."):
            names.add(dotted)
    return names


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a tree but those that only a type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from (deeper for other in node.orelse for deeper in (other, *_executed(other)))
        else:
            yield node
            yield from _executed(node)


def _texts(file: Path) -> set[str]:
    """Return the texts in a file that look like the name of a module of the library, or of something in one."""
    found = re.findall(rf"[\"']({_ROOT}(?:\.\w+)+)(?::\w+)?[\"']", file.read_text(encoding="utf-8"))
    return set(found)


@cache
def _versions(package: str) -> str:
    found = _distributions().get(package, [])
    return " ".join(f"{name} {metadata.version(name)}" for name in sorted(set(found))) or "absent"


@cache
def _distributions() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()
