"""``dfecs evaluate``: how well units explain tables of tracked faces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dfecs_lib.cli.common import (
    Rest,
    example,
    json_text,
    neutral_options,
    read_units,
    reading_options,
    smooth_option,
    table_text,
)

if TYPE_CHECKING:
    from dfecs_lib.data.from_files import Reading

__all__ = ["evaluate"]


@click.command(epilog=example("dfecs evaluate units.npz faces.csv"))
@click.argument("model", metavar="UNITS.npz")
@click.argument("tables", nargs=-1, required=True, metavar="TABLE...")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with all digits.")
@reading_options
@neutral_options("as in training")
@smooth_option("as in training")
def evaluate(
    model: str,
    tables: tuple[str, ...],
    as_json: bool,
    smooth: float | None,
    reading: Reading,
    rest: Rest,
) -> None:
    """Print how well trained units explain tables.

    Variance explained, active units, sparsity, and more. UNITS.npz is a model of 'dfecs train'; TABLE is anything that
    'dfecs train' takes.
    """
    from dfecs_lib import workflow

    scores = workflow.evaluate(
        read_units(model),
        tables,
        smooth=smooth,
        **rest,
        **reading,
    ).reset_index()
    print(json_text(scores) if as_json else table_text(scores))
