"""``dfecs evaluate``: how well units explain tables of tracked faces."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dfecs_lib.cli.common import (
    add_command,
    add_names,
    add_neutral,
    add_progress,
    json_text,
    read_units,
    show_progress,
    table_text,
)

if TYPE_CHECKING:
    from dfecs_lib.cli.common import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "evaluate",
        _evaluate,
        summary="Print how well trained units explain tables: variance explained, active units, sparsity.",
        example="dfecs evaluate units.npz faces.csv",
    )
    parser.add_argument("model", metavar="UNITS.npz", help="a model of 'dfecs train'")
    parser.add_argument("tables", nargs="+", metavar="TABLE", help="as for 'dfecs train'")
    parser.add_argument("--json", action="store_true", help="as JSON, with all digits")
    add_names(parser)
    add_neutral(parser, "as in training")
    add_progress(parser)


def _evaluate(args: argparse.Namespace) -> None:
    from dfecs_lib.workflow import evaluate

    scores = evaluate(
        read_units(args.model),
        args.tables,
        names=args.names,
        neutral=args.neutral,
        neutral_frame=args.neutral_frame,
        progress=show_progress(args),
    ).reset_index()
    print(json_text(scores) if args.json else table_text(scores))
