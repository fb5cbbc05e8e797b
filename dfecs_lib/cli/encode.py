"""``dfecs encode``: how much each unit is active in each frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dfecs_lib.cli.common import (
    Rest,
    check_output,
    example,
    neutral_options,
    read_units,
    reading_options,
    smooth_option,
)

if TYPE_CHECKING:
    from dfecs_lib.data.from_files import Reading

__all__ = ["encode"]


@click.command(epilog=example("dfecs encode units.npz faces.csv -o codes.csv"))
@click.argument("files", nargs=-1, required=True, metavar="[UNITS.npz] TABLE...")
@click.option(
    "--units",
    metavar="NAME",
    help="Units by name instead of UNITS.npz: model files in $DFECS_UNITS, in units/ here, or of a built book; "
    "'dfecs data units' lists them.",
)
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    help="Codes (.parquet or .csv): a row a frame, a column a unit.",
)
@click.option(
    "--probe",
    "probe_file",
    metavar="PROBE.npz",
    help="Add FACS action units beside the codes: AU01_r (0-5) and AU01_c (0 or 1) … of 'dfecs probe train'.",
)
@reading_options
@neutral_options("as in training")
@smooth_option("as in training")
def encode(
    files: tuple[str, ...],
    units: str | None,
    output: str,
    probe_file: str | None,
    smooth: float | None,
    reading: Reading,
    rest: Rest,
) -> None:
    """Encode the frames of a table with trained units.

    UNITS.npz is a model of 'dfecs train'; TABLE is anything that 'dfecs train' takes.
    """
    model, tables = (files[0], files[1:]) if units is None else (units, files)
    if not tables:
        raise click.UsageError("Missing argument 'TABLE...'.")
    target = check_output(output, [".csv", ".parquet"], [model, *tables, *([probe_file] if probe_file else [])])
    import pandas as pd

    from dfecs_lib import workflow
    from dfecs_lib.evaluation.detection import load_probe
    from dfecs_lib.files import write_table
    from dfecs_lib.keypoints import INDEX_NAMES
    from dfecs_lib.preprocessing.neutral_report import neutral_lines

    probe = None if probe_file is None else load_probe(probe_file)
    codes = workflow.encode(
        read_units(model),
        tables,
        smooth=smooth,
        **rest,
        **reading,
    )
    active = codes.drop(columns="time", errors="ignore")
    empty, n_units = int(active.isna().all(axis=1).sum()), active.shape[1]
    if probe is not None:
        attrs, codes = codes.attrs, codes.join(probe.openface_columns(codes))
        codes.attrs = {**attrs, "probe": dict(probe.card)}
    write_table(codes, target)
    print(f"{len(codes) - empty:,} frames encoded in {n_units} units; frames without a face: {empty:,}.")
    if probe is not None:
        print(f"Action units of the probe beside them: {', '.join(probe.action_units)}.")
    report = pd.DataFrame(codes.attrs["neutral"]).set_index(list(INDEX_NAMES[:3])).astype({"distance_px": float})
    print(*neutral_lines(report), sep="\n")
