"""``dfecs train``: tables of tracked faces to units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dfecs_lib.cli.common import (
    Rest,
    check_output,
    example,
    in_parallel,
    neutral_options,
    parallel_options,
    reading_options,
    smooth_option,
    table_text,
)

if TYPE_CHECKING:
    from dfecs_lib.data.from_files import Reading

__all__ = ["train"]


_COUNTED = ("frames", "recordings", "subjects")


@click.command(epilog=example("dfecs train faces.csv -o units.npz"))
@click.argument("tables", nargs=-1, required=True, metavar="TABLE...")
@click.option("-o", "--output", required=True, metavar="UNITS.npz", help="The model file.")
@click.option("--n-units", type=int, metavar="N", help="Number of units (default: as many as needed).")
@click.option("--variance", type=float, default=0.95, metavar="SHARE", help="Share of motion to explain.")
@click.option(
    "--part-variance",
    type=float,
    default=0.99,
    metavar="SHARE",
    help="Share of each face part's motion that its dictionary explains.",
)
@click.option(
    "--encoder",
    type=click.Choice(["additive", "hierarchical", "direct", "sparse"]),
    default="additive",
    help="How frames are encoded, and what units are refined for: additive (default) uses few units a frame, which add "
    "up; hierarchical is the paper's recipe. For comparison: direct and sparse, whose units work against each other.",
)
@reading_options
@neutral_options("the dataset's own, else head", from_file=False)
@smooth_option("not at all")
@click.option("--no-frontalize", is_flag=True, help="Leave head pose in.")
@click.option("--no-affine", is_flag=True, help="Leave size and place of the face in.")
@click.option("--no-parts", is_flag=True, help="Leave the place of face parts in.")
@click.option("--weights", metavar="FILE.npy", help="Linear frontalization with these published weights.")
@click.option(
    "--scheme",
    metavar="NAME",
    help="Keypoint scheme to bring all tables to, such as bp4d49; 'tracked' keeps all points of a mesh, of which the "
    "68 iBUG points are taken otherwise.",
)
@parallel_options(
    "Parallel workers; they do not change the result.",
    "Search on the workers of a running Dask cluster: its scheduler's address, such as tcp://10.0.0.1:8786, or "
    "scheduler file; the units are the same.",
)
def train(
    tables: tuple[str, ...],
    output: str,
    n_units: int | None,
    variance: float,
    part_variance: float,
    encoder: str,
    reading: Reading,
    rest: Rest,
    smooth: float | None,
    no_frontalize: bool,
    no_affine: bool,
    no_parts: bool,
    weights: str | None,
    scheme: str | None,
    jobs: int | None,
    dask: str | None,
) -> None:
    """Learn units from tables of tracked faces.

    Preprocessing is part of the model. A TABLE is a keypoint table (.parquet), an OpenFace or Py-Feat CSV, a folder of
    them, or a dataset of the manifest.
    """
    target = check_output(output, [".npz"], [*tables, *([weights] if weights else [])])
    import pandas as pd

    from dfecs_lib import workflow
    from dfecs_lib.models.naming import unit_names
    from dfecs_lib.preprocessing import make_preprocessor
    from dfecs_lib.preprocessing.neutral_report import neutral_lines

    preprocessor = make_preprocessor(
        not no_frontalize,
        not no_affine,
        not no_parts,
        method="linear" if weights else "pose",
        weights=weights,
        smooth=smooth or None,
    )
    with in_parallel(dask):
        model = workflow.train(
            tables,
            preprocessor=preprocessor,
            scheme=scheme,
            reading=reading,
            neutral=rest.get("neutral"),
            neutral_frame=rest.get("neutral_frame"),
            n_units=n_units,
            variance=variance,
            part_variance=part_variance,
            encoder=encoder,
            n_jobs=jobs,
        )
    model.save(target)
    training = model.metadata_["training"]
    assert isinstance(training, dict)
    explain = "unit explains" if len(model.components_) == 1 else "units explain"
    counts = [f"{training[what]:,} {what[:-1]}{'s' * (training[what] != 1)}" for what in _COUNTED if training[what]]
    people = "" if training["subjects"] else "; whom they show is not said (see --names)"
    print(
        f"{len(model.components_)} {explain} {model.variance_explained_:.2f} % of the motion in {', '.join(counts)} "
        f"({training['scheme']}){people}; {model.active_units_:.1f} units active a frame, "
        f"cancellation {model.cancellation_:.2f}."
    )
    units = pd.DataFrame(
        {"unit": model.get_feature_names_out(), "moves": unit_names(model), "share of motion, %": model.unit_shares_}
    )
    print(table_text(units))
    print(*neutral_lines(model.neutral_report_), sep="\n")
