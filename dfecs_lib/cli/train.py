"""``dfecs train``: tables of tracked faces to units."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dfecs_lib.cli.common import (
    add_command,
    add_names,
    add_neutral,
    add_parallel,
    add_progress,
    at_least,
    check_output,
    in_parallel,
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
        "train",
        _train,
        summary="Learn units from tables of tracked faces; preprocessing is part of the model.",
        example="dfecs train faces.csv -o units.npz",
    )
    parser.add_argument(
        "tables",
        nargs="+",
        metavar="TABLE",
        help="keypoint table (.parquet), OpenFace or Py-Feat CSV, folder of them, or dataset of the manifest",
    )
    parser.add_argument("-o", "--output", required=True, metavar="UNITS.npz", help="the model file")
    parser.add_argument("--n-units", type=int, metavar="N", help="number of units (default: as many as needed)")
    parser.add_argument(
        "--variance", type=float, default=0.95, metavar="SHARE", help="of motion to explain (default 0.95)"
    )
    parser.add_argument(
        "--part-variance",
        type=float,
        default=0.99,
        metavar="SHARE",
        help="of each face part's motion that its dictionary explains (default 0.99)",
    )
    parser.add_argument(
        "--encoder",
        default="hierarchical",
        choices=("hierarchical", "direct", "sparse"),
        help="how frames are encoded, and what units are refined for: direct explains most, sparse uses few units a "
        "frame, which are easier to name; hierarchical (default) is the paper's, unrefined",
    )
    add_names(parser)
    add_neutral(parser, "the dataset's own, else shared")
    parser.add_argument("--no-frontalize", action="store_true", help="leave head pose in")
    parser.add_argument("--no-affine", action="store_true", help="leave size and place of the face in")
    parser.add_argument("--no-parts", action="store_true", help="leave the place of face parts in")
    parser.add_argument("--weights", metavar="FILE.npy", help="linear frontalization with these published weights")
    parser.add_argument("--scheme", metavar="NAME", help="keypoint scheme to bring all tables to, such as bp4d49")
    parser.add_argument("--random-state", type=at_least(0), default=0, metavar="SEED", help="seed (default 0)")
    add_parallel(
        parser,
        "parallel workers; they do not change the result",
        "search on the workers of a running Dask cluster: its scheduler's address, such as tcp://10.0.0.1:8786, or "
        "scheduler file; the units are the same",
    )
    add_progress(parser)


def _train(args: argparse.Namespace) -> None:
    inputs = [*args.tables, *([args.weights] if args.weights else [])]
    target = check_output(args.output, [".npz"], inputs)
    import pandas as pd

    from dfecs_lib.preprocessing import make_preprocessor
    from dfecs_lib.workflow import train

    preprocessor = make_preprocessor(
        not args.no_frontalize,
        not args.no_affine,
        not args.no_parts,
        method="linear" if args.weights else "pose",
        weights=args.weights,
    )
    with in_parallel(args):
        model = train(
            args.tables,
            preprocessor=preprocessor,
            scheme=args.scheme,
            names=args.names,
            neutral=args.neutral,
            neutral_frame=args.neutral_frame,
            progress=show_progress(args),
            n_units=args.n_units,
            variance=args.variance,
            part_variance=args.part_variance,
            encoder=args.encoder,
            random_state=args.random_state,
            n_jobs=args.jobs,
        )
    model.save(target)
    told = model.metadata_["training"]
    assert isinstance(told, dict)
    explain = "unit explains" if len(model.components_) == 1 else "units explain"
    print(
        f"{len(model.components_)} {explain} {model.variance_explained_:.2f} % of the motion in {told['frames']:,} "
        f"frames of {told['recordings']:,} recording{'s' * (told['recordings'] != 1)} ({told['scheme']})."
    )
    units = pd.DataFrame({"unit": model.get_feature_names_out(), "share of motion, %": model.unit_shares_})
    print(table_text(units))
