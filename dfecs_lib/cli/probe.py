"""``dfecs probe``: action units that FACS names, from codes; learned from labelled frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dfecs_lib.cli.common import (
    check_output,
    example,
    json_text,
    read_units,
    reading_options,
    table_text,
)

if TYPE_CHECKING:
    from dfecs_lib.data.from_files import Reading

__all__ = ["probe"]


@click.group(epilog=example("dfecs probe train units.npz disfa -o probe.npz"))
def probe() -> None:
    """Learn to tell FACS action units from codes, and test that.

    'dfecs encode --probe PROBE.npz' then adds AU01_r (0-5) and AU01_c (0 or 1) … to codes.
    """


@probe.command(epilog=example("dfecs probe train units.npz disfa -o probe.npz"))
@click.argument("model", metavar="UNITS.npz")
@click.argument("tables", nargs=-1, required=True, metavar="TABLE...")
@click.option("-o", "--output", required=True, metavar="FILE.npz", help="The probe: numbers and its model card.")
@click.option(
    "--kind", type=click.Choice(["linear", "small"]), default="linear", help="small: with a hidden layer of 16 units."
)
@click.option("--context", type=click.IntRange(0, 100), default=0, help="Frames on either side to look at too.")
@reading_options
def train(
    model: str,
    tables: tuple[str, ...],
    output: str,
    kind: str,
    context: int,
    reading: Reading,
) -> None:
    """Train a probe on labelled faces.

    UNITS.npz is a model of 'dfecs train'; TABLE has action unit labels: a dataset such as disfa, or an OpenFace CSV,
    whose estimates the model card calls so. Prints how well the probe does on people left out.
    """
    target = check_output(output, [".npz"], [model, *tables])
    from dfecs_lib import workflow

    found = workflow.train_probe(
        read_units(model),
        tables,
        kind="small" if kind == "small" else "linear",
        context=context,
        **reading,
    )
    found.save(target)
    card = found.card
    marks = "; simulated" if card["simulated"] else ""
    print(f"Learned {', '.join(found.action_units)} from {card['frames']:,} frames of {card['people']} people{marks}.")
    measures = card["measures"]
    assert isinstance(measures, dict)
    import pandas as pd

    rows = {au: {name: value[0] for name, value in values.items()} for au, values in measures.items()}
    print(table_text(pd.DataFrame.from_dict(rows, orient="index").rename_axis("people left out").reset_index()))


@probe.command(epilog=example("dfecs probe evaluate probe.npz units.npz ckplus"))
@click.argument("probe_file", metavar="PROBE.npz")
@click.argument("model", metavar="UNITS.npz")
@click.argument("tables", nargs=-1, required=True, metavar="TABLE...")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with all digits and intervals.")
@reading_options
def evaluate(
    probe_file: str,
    model: str,
    tables: tuple[str, ...],
    as_json: bool,
    reading: Reading,
) -> None:
    """Print how well a probe does on other labelled faces, AU by AU."""
    from dfecs_lib import workflow
    from dfecs_lib.evaluation.detection import MEASURES, load_probe

    scores = workflow.evaluate_probe(
        load_probe(probe_file),
        read_units(model),
        tables,
        **reading,
    )
    print(json_text(scores.reset_index()) if as_json else table_text(scores[list(MEASURES)].reset_index()))
