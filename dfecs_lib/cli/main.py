"""The commands in one group, and what every one of them shares: one-line errors, exit codes, quiet ends."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence

import click

from dfecs_lib import __version__
from dfecs_lib.cli.book import book
from dfecs_lib.cli.common import example
from dfecs_lib.cli.data import data
from dfecs_lib.cli.encode import encode
from dfecs_lib.cli.evaluate import evaluate
from dfecs_lib.cli.probe import probe
from dfecs_lib.cli.rate import rate
from dfecs_lib.cli.report import report
from dfecs_lib.cli.run import run
from dfecs_lib.cli.track import track
from dfecs_lib.cli.train import train
from dfecs_lib.errors import DfecsError

__all__ = ["dfecs", "main"]

_INTERRUPTED, _BROKEN_PIPE = 130, 141  # as shells report SIGINT and SIGPIPE


class _Commands(click.Group):
    """The group of all commands, in the order of the road; whatever ends a command early is said in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> int:
        try:
            with warnings.catch_warnings():
                warnings.showwarning = _one_line
                code = super().invoke(ctx) or 0
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


@click.group(
    cls=_Commands,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 100},
    epilog=example("dfecs train faces.csv -o units.npz && dfecs encode units.npz faces.csv -o codes.csv"),
)
@click.version_option(__version__, message="dfecs %(version)s")
def dfecs() -> None:
    """DFECS: facial action units learned from keypoint motion, without labels."""


for command in (data, track, train, encode, evaluate, report, probe, rate, run, book):
    dfecs.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0: done. 1: something else went wrong, such as a notebook that failed. 2: bad input, said in one line on stderr;
    nothing was written. 130: interrupted.
    """
    try:
        return int(dfecs.main(arguments, prog_name="dfecs", standalone_mode=False) or 0)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        program = context.command_path if context else "dfecs"
        return _say(f"{error.format_message().rstrip('.')} ('{program} --help' shows how)", error.exit_code)


def _say(message: str, code: int) -> int:
    print("dfecs:", " ".join(message.split()), file=sys.stderr)
    return code


def _one_line(message: Warning | str, *_: object, **__: object) -> None:
    print("dfecs: note:", " ".join(str(message).split()), file=sys.stderr)
