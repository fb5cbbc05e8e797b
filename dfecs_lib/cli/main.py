"""Parsing, and what every command shares: one-line errors, exit codes, quiet ends."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

from dfecs_lib.errors import DfecsError

__all__ = ["COMMANDS", "build_parser", "main"]

#: Command -> the module whose ``add(commands)`` adds it to the parser. A further command is a line here.
COMMANDS = {
    "data": "dfecs_lib.cli.data",
    "track": "dfecs_lib.cli.track",
    "train": "dfecs_lib.cli.train",
    "encode": "dfecs_lib.cli.encode",
    "evaluate": "dfecs_lib.cli.evaluate",
    "rate": "dfecs_lib.cli.rate",
    "run": "dfecs_lib.cli.run",
    "book": "dfecs_lib.cli.book",
}
_INTERRUPTED, _BROKEN_PIPE = 130, 141  # as shells report SIGINT and SIGPIPE


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"dfecs: {message} ('{self.prog} --help' shows how)\n")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    from dfecs_lib import __version__

    parser = _Parser(
        prog="dfecs",
        description="DFECS: facial action units learned from keypoint motion, without labels.",
        epilog="example:\n  dfecs train faces.csv -o units.npz && dfecs encode units.npz faces.csv -o codes.csv",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"dfecs {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in COMMANDS.values():
        importlib.import_module(module).add(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0: done. 1: something else went wrong, such as a notebook that failed. 2: bad input, said in one line on stderr;
    nothing was written. 130: interrupted.
    """
    args = build_parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _one_line
            code = args.handler(args) or 0
        sys.stdout.flush()
        return int(code)
    except BrokenPipeError:
        # Whoever read our output has had enough. Python would complain once more while it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except KeyboardInterrupt:
        return _say("interrupted", _INTERRUPTED)
    except DfecsError as error:
        return _say(str(error), int(getattr(error, "exit_code", 2)))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _say(f"{where}{error.strerror or error}", 2)
    except MemoryError:
        return _say("not enough memory for this", 1)


def _say(message: str, code: int) -> int:
    print("dfecs:", " ".join(message.split()), file=sys.stderr)
    return code


def _one_line(message: Warning | str, *_: object, **__: object) -> None:
    print("dfecs: note:", " ".join(str(message).split()), file=sys.stderr)
