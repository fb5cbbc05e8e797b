"""Options that several commands share, and outputs that appear whole or not at all."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar

import click

from dfecs_lib.errors import DfecsError

if TYPE_CHECKING:
    import pandas as pd

    from dfecs_lib.models.base import UnitsBase

__all__ = [
    "NAMES_HELP",
    "Either",
    "Rest",
    "check_folder",
    "check_output",
    "example",
    "in_parallel",
    "json_text",
    "neutral_options",
    "parallel_options",
    "progress_option",
    "read_units",
    "reading_options",
    "show_progress",
    "smooth_option",
    "table_text",
]

Function = TypeVar("Function", bound=Callable[..., object])
Decorator = Callable[[Callable[..., object]], Callable[..., object]]

_PROGRESS_HELP = "Progress bars (default: only on a terminal)."

NAMES_HELP = (
    "How the files' names say who is shown: '{subject}_{recording}' for P01_happy.csv, '{subject}/*' for a folder a "
    "subject (default: %s)."
)


def example(line: str) -> str:
    r"""Return the end of a command's help: a runnable example, which click shall not wrap (``\b``)."""
    return f"\b\nExample:\n  {line}"


class Either(click.Option):
    """An option that may not stand beside another one."""

    def __init__(self, names: list[str], other: str, **settings: Any) -> None:
        super().__init__(names, **settings)
        self._other = other

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        other = next(option for option in ctx.command.params if self._other in option.opts)
        if self.name in opts and other.name in opts:
            raise click.UsageError(f"{self.opts[-1]} and {self._other} exclude each other", ctx)
        return super().handle_parse_result(ctx, opts, args)


def progress_option(command: Function) -> Function:
    """Add ``--progress/--no-progress``."""
    return click.option("--progress/--no-progress", default=None, help=_PROGRESS_HELP)(command)


def show_progress(progress: bool | None) -> bool:
    """Return whether to show progress bars."""
    return sys.stderr.isatty() if progress is None else progress


class Rest(TypedDict, total=False):
    """What neutral faces are, as `dfecs_lib.workflow` takes it."""

    neutral: str | None
    neutral_frame: int | None
    neutral_from: str | None


def _gathered(command: Callable[..., object], name: str, options: Mapping[str, Decorator]) -> Callable[..., object]:
    """Give a command some options, and their values in one argument."""

    @functools.wraps(command)
    def call(**given: Any) -> object:
        values = {key: given.pop(key) for key in options}
        return command(**{name: values}, **given)

    wrapped: Callable[..., object] = call
    for option in reversed([*options.values()]):
        wrapped = option(wrapped)
    return wrapped


def neutral_options(default: str, *, from_file: bool = True) -> Decorator:
    """Add the choice of neutral frames: the command's argument `rest`."""
    options: dict[str, Decorator] = {
        "neutral": click.option(
            "--neutral",
            type=click.Choice(["head", "shared", "medoid", "calmest", "first"]),
            help=f"How each recording's neutral frame is chosen (default: {default}).",
        ),
        "neutral_frame": click.option(
            "--neutral-frame",
            cls=Either,
            other="--neutral",
            type=int,
            metavar="N",
            help="Take frame N of each recording as neutral instead.",
        ),
    }
    if from_file:
        options["neutral_from"] = click.option(
            "--neutral-from",
            metavar="FILE[:FRAME]",
            help="Measure motion from the resting face in this file (its frame FRAME, else one chosen there): for "
            "single photos and posed clips.",
        )
    return lambda command: _gathered(command, "rest", options)


class PictureSize(click.ParamType[tuple[int, int]]):
    """``WIDTHxHEIGHT`` in pixels."""

    name = "WIDTHxHEIGHT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Return both numbers."""
        width, _, height = str(value).lower().partition("x")
        if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
            self.fail(f"{value!r} is no size; write it like 1920x1080", param, ctx)
        return int(width), int(height)


class WhichFace(click.ParamType[int | str]):
    """A face's number, or ``all``."""

    name = "N|all"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | Literal["all"]:
        """Return the number, or "all"."""
        text = str(value)
        if text == "all":
            return "all"
        if not text.isdigit():
            self.fail(f"{value!r} is no face; give its number, or 'all'", param, ctx)
        return int(text)


_READING: dict[str, Decorator] = {
    "names": click.option("--names", metavar="PATTERN", help=NAMES_HELP % "the tables' own names"),
    "min_confidence": click.option(
        "--min-confidence",
        type=click.FloatRange(0, 1),
        metavar="SHARE",
        help="Least confidence of a frame that is used (default: 0.7 for OpenFace, 0.5 for Py-Feat).",
    ),
    "face": click.option(
        "--face", type=WhichFace(), help="Which face of a file with several; 'all' makes each a subject of its own."
    ),
    "identity": click.option(
        "--identity", metavar="NAME", help="Which person of a file that names them (Py-Feat's Identity)."
    ),
    "picture_size": click.option(
        "--picture-size",
        type=PictureSize(),
        help="Size of the picture of which the file's coordinates are fractions.",
    ),
    "fps": click.option(
        "--fps",
        type=click.FloatRange(0, min_open=True),
        metavar="N",
        help="Frames a second of files that do not tell the time of their frames.",
    ),
    "strict": click.option(
        "--strict", is_flag=True, help="Stop at a file of a folder that cannot be read (default: name it and go on)."
    ),
    "progress": click.option(
        "--progress/--no-progress",
        default=None,
        callback=lambda _context, _parameter, value: show_progress(value),
        help=_PROGRESS_HELP,
    ),
}


def reading_options(command: Callable[..., object]) -> Callable[..., object]:
    """Add what may be said about files of faces: the command's argument `reading`, a `data.from_files.Reading`."""
    return _gathered(command, "reading", _READING)


def smooth_option(default: str) -> Decorator:
    """Add ``--smooth``."""
    return click.option(
        "--smooth",
        type=click.FloatRange(0, 10),
        metavar="SECONDS",
        help=f"Smooth tracks over so many seconds first, by the time in the file or --fps (default: {default}).",
    )


def _not_zero(ctx: click.Context, parameter: click.Parameter, value: int | None) -> int | None:
    if value == 0:
        raise click.BadParameter("0 is no number of workers; -1 stands for all cores", ctx, parameter)
    return value


def parallel_options(jobs: str, dask: str, *, default: int | None = None) -> Callable[[Function], Function]:
    """Add ``--jobs`` and ``--dask``, of which one may be given."""

    def add(command: Function) -> Function:
        command = click.option("--dask", cls=Either, other="--jobs", metavar="ADDRESS", help=dask)(command)
        return click.option("--jobs", type=int, default=default, metavar="N", callback=_not_zero, help=jobs)(command)

    return add


def in_parallel(dask: str | None) -> AbstractContextManager[object]:
    """Return the context in which joblib's work goes where ``--dask`` says; without it, nothing changes."""
    if not dask:
        return nullcontext()
    from dfecs_lib.cli.cluster import on_dask

    return on_dask(dask)


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


def read_units(name: str) -> UnitsBase:
    """Return the model of a file or of that name, or say what is wrong with it or with what it tells of its faces."""
    from dfecs_lib.ffm import load_model
    from dfecs_lib.models.named import find_units
    from dfecs_lib.preprocessing import from_settings
    from dfecs_lib.preprocessing.neutral import METHODS

    path = find_units(name)
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


def json_text(table: pd.DataFrame) -> str:
    """Return a table as a JSON list of rows: all digits, null for what is not known."""
    # By way of plain Python values: pandas rounds to fifteen decimals at most, and writes every slash as \\/.
    rows = table.astype(object).where(table.notna(), None).to_dict(orient="records")
    return json.dumps(rows, indent=1, ensure_ascii=False)


def table_text(table: pd.DataFrame, decimals: int = 2) -> str:
    """Return a table as aligned text."""
    return str(table.to_string(index=False, float_format=lambda value: f"{value:.{decimals}f}", na_rep="-"))
