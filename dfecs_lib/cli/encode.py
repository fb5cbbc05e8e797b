"""``dfecs encode``: how much each unit is active in each frame."""

from __future__ import annotations

from typing import Literal

import click

from dfecs_lib.cli.common import (
    check_output,
    example,
    names_option,
    neutral_from_option,
    neutral_options,
    progress_option,
    read_units,
    reading_options,
    show_progress,
    strict_option,
)

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
@names_option
@reading_options
@neutral_options("as in training")
@neutral_from_option
@strict_option
@progress_option
def encode(
    files: tuple[str, ...],
    units: str | None,
    output: str,
    probe_file: str | None,
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
