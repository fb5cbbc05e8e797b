"""What is kept on disc: files that appear whole or not at all; Parquet and YAML read with one sentence for a fault."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import yaml

from dfecs_lib.errors import DfecsError

__all__ = ["parse_yaml", "read_parquet", "read_yaml", "whole_file", "write_parquet"]


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
        A name beside it, different for every process and thread. Nothing is left of it when the block fails.

    Raises
    ------
    DfecsError
        If the disc is full or the place may not be written.

    Examples
    --------
    >>> with whole_file("codes.csv") as partial:  # doctest: +SKIP
    ...     table.to_csv(partial)
    """
    target = Path(path)
    partial = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield partial
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise DfecsError(f"{target}: cannot be written ({error.strerror or error})") from error


def write_parquet(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table to Parquet, attrs included; the file appears whole or not at all (see `whole_file`)."""
    with whole_file(path) as partial:
        table.to_parquet(partial)


def read_parquet(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a table from Parquet; DfecsError says why a file is not one."""
    source = Path(path)
    if not source.exists():
        raise DfecsError(f"{source}: no such file")
    try:
        return pd.read_parquet(source)
    except (OSError, ValueError) as error:
        raise DfecsError(f"{source}: not a readable Parquet file ({str(error).splitlines()[0]})") from error


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
        If it is not YAML, nests too deeply, or uses aliases.

    Examples
    --------
    >>> parse_yaml("[1, true, a]")
    [1, True, 'a']
    """
    try:
        return yaml.load(text, _PlainLoader)
    except RecursionError:
        raise yaml.YAMLError("nested too deeply") from None


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
