"""What is kept on disc: files that appear whole or not at all, tables, arrays, YAML, names in order."""

from __future__ import annotations

import errno
import glob
import os
import re
import shutil
import struct
import threading
import time
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tokenize import TokenError
from zipfile import BadZipFile

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError

__all__ = [
    "DAMAGED",
    "UNREADABLE",
    "clear_stale",
    "exists",
    "natural_key",
    "parse_yaml",
    "read_numpy",
    "read_parquet",
    "read_yaml",
    "replace_folder",
    "shipped",
    "whole_file",
    "write_csv",
    "write_parquet",
    "write_table",
]

#: What pandas raises at damaged binary tables: it believes what they say of themselves, and stumbles in as many ways.
UNREADABLE = (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, MemoryError)
#: What NumPy, SciPy and Python raise at damaged arrays: they read headers as Python's literals, and stumble over them
#: in as many ways, a local variable that was never set (NameError) among them.
DAMAGED = (
    *(OSError, ValueError, TypeError, LookupError, EOFError, NameError, ArithmeticError, MemoryError, AttributeError),
    *(SyntaxError, OverflowError, RecursionError, NotImplementedError, TokenError, BadZipFile, zlib.error),
    struct.error,
)
# What a spreadsheet takes for a formula: signs that begin one, unless a mere number follows.
_FORMULA = re.compile(r"[=@\t\r]|[+-](?=.)(?!\d*\.?\d*(?:[eE][+-]?\d+)?$)")


_LIBRARY = Path(__file__).parent
_STALE = 24 * 3600.0  # seconds; nothing is written for so long


def shipped(name: str = "") -> Path:
    """Return where a file or folder lies that comes beside the library's code, such as ``notebooks/03_training.ipynb``.

    That is the checkout, or, in an installed library, the copies that its wheel brought.
    """
    checkout = _LIBRARY.parent
    return (checkout if (checkout / "notebooks" / "profiles.yaml").is_file() else _LIBRARY / "share") / name


def exists(path: Path) -> bool:
    """Whether there is a file or folder; not under a name that no system holds, where `Path.exists` raises.

    Examples
    --------
    >>> exists(Path("a" * 5000))
    False
    """
    try:
        return path.exists()
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        return False


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a name to write to; when the block ends well, the file of that name takes its place as `path`.

    Parameters
    ----------
    path : str or path
        The file to be. Its folder is made; a file that is there is replaced, once the new one is whole.

    Yields
    ------
    Path
        A name beside it, different for every process and thread. Nothing is left of it when the block fails;
        what a killed process left is removed by the next one a day later.

    Raises
    ------
    DfecsError
        If the disc is full or the place may not be written.

    Examples
    --------
    >>> with whole_file("report.json") as partial:  # doctest: +SKIP
    ...     partial.write_text(text)
    """
    target = Path(path)
    partial = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        clear_stale(target.parent, f".{glob.escape(target.name)}.*-*.part")
        try:
            yield partial
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise DfecsError(f"{target}: cannot be written ({error.strerror or error})") from error


def clear_stale(folder: Path, pattern: str) -> None:
    """Remove the files and folders of a pattern that killed processes left: nothing in them has changed for a day."""
    for stale in folder.glob(pattern):
        with suppress(FileNotFoundError):  # another process clears up too
            if time.time() - max(path.lstat().st_mtime for path in (stale, *stale.rglob("*"))) > _STALE:
                if stale.is_dir() and not stale.is_symlink():
                    shutil.rmtree(stale, ignore_errors=True)
                else:
                    stale.unlink()


def replace_folder(new: Path, target: Path) -> None:
    """Move a whole folder to its place, on the same disc; what is there is removed once the new one stands.

    Of several processes that do so at once, the last one's stands. What was there is put back where the new one
    cannot be moved.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    clear_stale(target.parent, f".{glob.escape(target.name)}.old-*")
    old = target.with_name(f".{target.name}.old-{os.getpid()}-{threading.get_ident()}")
    while True:
        with suppress(FileNotFoundError):
            target.replace(old)
        try:
            new.replace(target)
            break
        except OSError as error:
            # Only the error itself tells that another process put its own there just now: to look for that one
            # afterwards is too late, since a third process may have moved it away again.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                with suppress(OSError):
                    old.replace(target)
                raise
            shutil.rmtree(old, ignore_errors=True)  # the other one's goes, too, in the next round
    shutil.rmtree(old, ignore_errors=True)


def natural_key(name: str) -> tuple[tuple[bool, int, str], ...]:
    """Return the sort key under which ``frame9`` comes before ``frame10``, however the numbers are padded.

    Examples
    --------
    >>> sorted(["f10.png", "f9.png"], key=natural_key)
    ['f9.png', 'f10.png']
    """
    parts = re.split(r"(\d+)", name.casefold())
    # The whole name last: "f1" and "f01" must not compare as equal.
    keys = [(not p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in parts if p]
    return (*keys, (True, 0, name))


def write_csv(table: pd.DataFrame, path: str | os.PathLike[str], *, index: bool = True) -> None:
    r"""Write a table to CSV; the file appears whole or not at all (see `whole_file`).

    A text that a spreadsheet would take for a formula (``=HYPERLINK(…)``, ``@SUM(…)``) is given an apostrophe in
    front, so that it stays a text; numbers are written as they are.

    Parameters
    ----------
    table : DataFrame
    path : str or path
    index : bool
        Write the index too.
    """
    harmless = table.copy(deep=False)
    for k, dtype in enumerate(table.dtypes):
        if not pd.api.types.is_numeric_dtype(dtype):
            harmless.isetitem(k, [_as_text(value) for value in table.iloc[:, k]])
    harmless.columns = table.columns.map(_as_text)
    rows = table.index
    levels = [pd.Index(rows.get_level_values(k)) for k in range(rows.nlevels)]
    plain = [level if pd.api.types.is_numeric_dtype(level.dtype) else level.map(_as_text) for level in levels]
    harmless.index = plain[0] if len(plain) == 1 else pd.MultiIndex.from_arrays(plain, names=rows.names)
    with whole_file(path) as partial:
        harmless.to_csv(partial, index=index)


def _as_text(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def write_table(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table with its index as CSV or Parquet, by the suffix; the file appears whole or not at all."""
    (write_csv if Path(path).suffix.lower() == ".csv" else write_parquet)(table, path)


def write_parquet(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table to Parquet, attrs included; the file appears whole or not at all (see `whole_file`)."""
    with whole_file(path) as partial:
        table.to_parquet(partial)


def read_numpy(path: str | os.PathLike[str]) -> NDArray[np.generic] | dict[str, NDArray[np.generic]]:
    """Return the array of an .npy file, or the arrays of an .npz one; pickles in them are never opened.

    Raises
    ------
    DfecsError
        If the file is none of these, is damaged, or cannot be read.
    """
    try:
        # Opened here, since NumPy leaves a file open that it cannot read.
        with warnings.catch_warnings(), Path(path).open("rb") as stream:
            warnings.simplefilter("ignore")  # NumPy's, of headers as Python 2 wrote them
            found = np.load(stream, allow_pickle=False)
            return found if isinstance(found, np.ndarray) else {name: found[name] for name in found.files}
    except DAMAGED as error:
        reason = (str(error).splitlines() or [""])[0][:200] or type(error).__name__
        raise DfecsError(f"{os.fspath(path)}: not a readable NumPy array ({reason})") from error


def read_parquet(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a table from Parquet; DfecsError says why a file is not one."""
    source = Path(path)
    if not source.exists():
        raise DfecsError(f"{source}: no such file")
    try:
        return pd.read_parquet(source)
    except UNREADABLE as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DfecsError(f"{source}: not a readable Parquet file ({reason[:200]})") from error


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases: a few of them, one inside the other, make gigabytes out of a kilobyte."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            problem = f"the alias *{event.anchor} is refused, write out what it stands for"
            raise yaml.composer.ComposerError(None, None, problem, event.start_mark)
        return super().compose_node(parent, index)


def parse_yaml(text: str) -> object:
    """Return what a YAML text holds, as plain values.

    Raises
    ------
    yaml.YAMLError
        If it is not YAML, nests too deeply, uses aliases, or holds a value such as the date 2020-13-45.

    Examples
    --------
    >>> parse_yaml("[1, true, a]")
    [1, True, 'a']
    """
    try:
        return yaml.load(text, _PlainLoader)
    except RecursionError:
        raise yaml.YAMLError("nested too deeply") from None
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        # PyYAML stumbles over what its own patterns take for a date, a number or bytes: 2020-13-45, !!int x
        raise yaml.YAMLError(
            f"a value is not of its kind: {str(error).splitlines()[0] if str(error) else error!r}"
        ) from None


def read_yaml(path: str | os.PathLike[str]) -> object:
    """Return what a YAML file holds; DfecsError says why a file cannot be read (see `parse_yaml`)."""
    source = Path(path)
    try:
        return parse_yaml(source.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DfecsError(f"{source}: no such file") from None
    except OSError as error:
        raise DfecsError(f"{source}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f", line {mark.line + 1}"
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise DfecsError(f"{source}{line}: not a readable YAML file ({problem})") from error
