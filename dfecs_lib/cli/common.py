"""Options that several commands share, and outputs that appear whole or not at all."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from dfecs_lib.errors import DfecsError

if TYPE_CHECKING:
    import pandas as pd

    from dfecs_lib.models.base import UnitsBase

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = [
    "NAMES_HELP",
    "add_command",
    "add_names",
    "add_neutral",
    "add_parallel",
    "add_progress",
    "at_least",
    "check_folder",
    "check_output",
    "in_parallel",
    "json_text",
    "read_units",
    "show_progress",
    "table_text",
    "workers",
    "write_table",
]

NAMES_HELP = (
    "how the files' names say who is shown: '{subject}_{recording}' for P01_happy.csv, '{subject}/*' for a folder a "
    "subject (default: %s)"
)


def add_command(
    commands: Commands, name: str, handler: Callable[[argparse.Namespace], int | None], *, summary: str, example: str
) -> argparse.ArgumentParser:
    """Add a command with its help: a sentence and a runnable example."""
    parser = commands.add_parser(
        name,
        help=summary[0].lower() + summary[1:].rstrip("."),
        description=summary,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(handler=handler)
    return parser


def add_progress(parser: argparse.ArgumentParser) -> None:
    """Add ``--progress/--no-progress``."""
    parser.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="progress bars (default: only on a terminal)",
    )


def show_progress(args: argparse.Namespace) -> bool:
    """Return whether to show progress bars."""
    return bool(sys.stderr.isatty() if args.progress is None else args.progress)


def add_neutral(parser: argparse.ArgumentParser, default: str) -> None:
    """Add the choice of neutral frames."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--neutral",
        metavar="METHOD",
        choices=("shared", "medoid", "calmest", "first"),
        help=f"how each recording's neutral frame is chosen: shared, medoid, calmest or first (default: {default})",
    )
    either.add_argument(
        "--neutral-frame", metavar="N", type=int, help="take frame N of each recording as neutral instead"
    )


def add_names(parser: argparse.ArgumentParser) -> None:
    """Add the pattern by which files' names say who is shown."""
    parser.add_argument("--names", metavar="PATTERN", help=NAMES_HELP % "the tables' own names")


def at_least(low: float, kind: type[int] | type[float] = int) -> Callable[[str], float]:
    """Return what reads a number of at least `low` from the command line."""

    def read(text: str) -> float:
        try:
            number = kind(text)
        except ValueError:
            number = None
        if number is None or not number >= low:
            what = "whole number" if kind is int else "number"
            raise argparse.ArgumentTypeError(f"a {what} from {low} up is needed, not {text!r}")
        return number

    return read


def workers(text: str) -> int:
    """Read a number of parallel workers: any whole number but 0, as joblib counts them."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not number:
        raise argparse.ArgumentTypeError(f"a whole number is needed, -1 for all cores, not {text!r}")
    return number


def add_parallel(parser: argparse.ArgumentParser, jobs: str, dask: str, *, default: int | None = None) -> None:
    """Add ``--jobs`` and ``--dask``, of which one may be given."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--jobs", type=workers, default=default, metavar="N", help=jobs)
    either.add_argument("--dask", metavar="ADDRESS", help=dask)


def in_parallel(args: argparse.Namespace) -> AbstractContextManager[object]:
    """Return the context in which joblib's work goes where ``--dask`` says; without it, nothing changes."""
    if not args.dask:
        return nullcontext()
    from dfecs_lib.cli.cluster import on_dask

    return on_dask(args.dask)


def check_folder(path: str) -> Path:
    """Return the path of an output folder that is there or can be made, or say before any work why not."""
    target = Path(path)
    if target.exists() and not target.is_dir():
        raise DfecsError(f"{target}: is a file; name a folder")
    above = target if target.exists() else target.absolute().parent
    if above.is_dir() and not os.access(above, os.W_OK):
        raise DfecsError(f"{target}: may not be written")
    return target


def check_output(path: str, suffixes: Iterable[str], inputs: Iterable[str] = ()) -> Path:
    """Return an output's path, or say before any work why it cannot be written.

    Raises
    ------
    DfecsError
        If it is a folder or an input, its suffix is not one of `suffixes`, or its folder is missing or read-only.
    """
    target = Path(path)
    known = list(suffixes)
    if target.is_dir():
        raise DfecsError(f"{target}: is a folder; name a file in it")
    if target.suffix.lower() not in known:
        raise DfecsError(f"{target}: the output's name must end in {' or '.join(known)}")
    if not target.parent.is_dir():
        raise DfecsError(f"{target.parent}: no such folder; make it first")
    if not os.access(target.parent, os.W_OK) or (target.exists() and not os.access(target, os.W_OK)):
        raise DfecsError(f"{target}: may not be written")
    for source in inputs:
        if Path(source).exists() and target.exists() and target.samefile(source):
            raise DfecsError(f"{target}: is an input as well; choose another name for the output")
    return target


def read_units(path: str) -> UnitsBase:
    """Return the model of a file, or say what is wrong with it or with what it tells of its faces' preparation."""
    from dfecs_lib.ffm import load_model
    from dfecs_lib.preprocessing import from_settings
    from dfecs_lib.preprocessing.neutral import METHODS

    model = load_model(path)
    settings, neutral = (model.metadata_.get(key) for key in ("preprocessing", "neutral"))
    if not isinstance(settings, dict):
        raise DfecsError(f"{path}: does not say how its faces were prepared; train it with 'dfecs train'")
    mend = "train it again or get another copy"
    try:
        from_settings(settings)
    except DfecsError as error:
        raise DfecsError(f"{path}: the model file is damaged ({error}); {mend}") from error
    if neutral is not None and neutral not in METHODS:
        raise DfecsError(f"{path}: the model file is damaged (its neutral frames are {neutral!r:.60}); {mend}")
    return model


def write_table(table: pd.DataFrame, target: Path) -> None:
    """Write a table with its index as Parquet or CSV, by the suffix; the file appears whole or not at all."""
    from dfecs_lib.files import whole_file

    with whole_file(target) as partial:
        if target.suffix.lower() == ".csv":
            table.to_csv(partial)
        else:
            table.to_parquet(partial)


def json_text(table: pd.DataFrame) -> str:
    """Return a table as a JSON list of rows: all digits, null for what is not known."""
    # By way of plain Python values: pandas rounds to fifteen decimals at most, and writes every slash as \\/.
    rows = table.astype(object).where(table.notna(), None).to_dict(orient="records")
    return json.dumps(rows, indent=1, ensure_ascii=False)


def table_text(table: pd.DataFrame, decimals: int = 2) -> str:
    """Return a table as aligned text."""
    return str(table.to_string(index=False, float_format=lambda value: f"{value:.{decimals}f}", na_rep="-"))
