"""``dfecs encode``: how much each unit is active in each frame."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dfecs_lib.cli.common import (
    add_command,
    add_names,
    add_neutral,
    add_progress,
    check_output,
    read_units,
    show_progress,
    write_table,
)

if TYPE_CHECKING:
    from dfecs_lib.cli.common import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "encode",
        _encode,
        summary="Encode the frames of a table with trained units.",
        example="dfecs encode units.npz faces.csv -o codes.csv",
    )
    parser.add_argument("model", metavar="UNITS.npz", help="a model of 'dfecs train'")
    parser.add_argument("table", metavar="TABLE", help="as for 'dfecs train'")
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="codes (.parquet or .csv): a row a frame, a column a unit"
    )
    add_names(parser)
    add_neutral(parser, "as in training")
    add_progress(parser)


def _encode(args: argparse.Namespace) -> None:
    target = check_output(args.output, [".csv", ".parquet"], [args.model, args.table])
    from dfecs_lib.workflow import encode

    codes = encode(
        read_units(args.model),
        args.table,
        names=args.names,
        neutral=args.neutral,
        neutral_frame=args.neutral_frame,
        progress=show_progress(args),
    )
    write_table(codes, target)
    empty = int(codes.isna().all(axis=1).sum())
    print(f"{len(codes) - empty:,} frames encoded in {codes.shape[1]} units; frames without a face: {empty:,}.")
