"""``dfecs evaluate``: how well units explain tables of tracked faces."""

from __future__ import annotations

from typing import Literal

import click

from dfecs_lib.cli.common import (
    example,
    json_text,
    names_option,
    neutral_from_option,
    neutral_options,
    progress_option,
    read_units,
    reading_options,
    show_progress,
    strict_option,
    table_text,
)

__all__ = ["evaluate"]


@click.command(epilog=example("dfecs evaluate units.npz faces.csv"))
@click.argument("model", metavar="UNITS.npz")
@click.argument("tables", nargs=-1, required=True, metavar="TABLE...")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with all digits.")
@names_option
@reading_options
@neutral_options("as in training")
@neutral_from_option
@strict_option
@progress_option
def evaluate(
    model: str,
    tables: tuple[str, ...],
    as_json: bool,
    names: str | None,
    min_confidence: float | None,
    face: int | Literal["all"] | None,
    identity: str | None,
    picture_size: tuple[int, int] | None,
    neutral: str | None,
    neutral_frame: int | None,
    neutral_from: str | None,
    strict: bool,
    progress: bool | None,
) -> None:
    """Print how well trained units explain tables.

    Variance explained, active units, sparsity, and more. UNITS.npz is a model of 'dfecs train'; TABLE is anything that
    'dfecs train' takes.
    """
    from dfecs_lib import workflow

    scores = workflow.evaluate(
        read_units(model),
        tables,
        names=names,
        min_confidence=min_confidence,
        face=face,
        identity=identity,
        picture_size=picture_size,
        neutral=neutral,
        neutral_frame=neutral_frame,
        neutral_from=neutral_from,
        strict=strict,
        progress=show_progress(progress),
    ).reset_index()
    print(json_text(scores) if as_json else table_text(scores))
