"""``dfecs run``: one notebook, cached and atomic."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dfecs_lib.cli.common import add_command, add_progress, at_least, show_progress
from dfecs_lib.errors import DfecsError

if TYPE_CHECKING:
    from dfecs_lib.cli.common import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "run",
        _run,
        summary="Execute a notebook with parameters, unless the same run is there already.",
        example="dfecs run notebooks/03_training.ipynb -p n_units 8",
    )
    parser.add_argument("notebook", metavar="NOTEBOOK", help="an .ipynb file with a cell tagged 'parameters'")
    parser.add_argument(
        "-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), dest="given", help="a parameter"
    )
    parser.add_argument("--list", action="store_true", help="print the notebook's parameters and defaults, run nothing")
    parser.add_argument("--runs", default=".runs", metavar="DIR", help="where runs are kept (default .runs)")
    parser.add_argument("--threads", type=at_least(1), default=1, metavar="N", help="numerical threads (default 1)")
    parser.add_argument(
        "--timeout", type=at_least(1, float), metavar="SECONDS", help="longest for one cell (default: none)"
    )
    parser.add_argument("--force", action="store_true", help="run even when the same run is there")
    add_progress(parser)


def _run(args: argparse.Namespace) -> None:
    from dfecs_lib.publishing.runs import declared_parameters, read_notebook
    from dfecs_lib.publishing.runs.apart import run_apart

    if args.list:
        for name, default in declared_parameters(read_notebook(args.notebook), args.notebook).items():
            print(f"{name} = {default!r}")
        return
    names = [name for name, _ in args.given]
    if twice := {name for name in names if names.count(name) > 1}:
        raise DfecsError(f"the parameter {', '.join(sorted(twice))} is given twice")
    run = run_apart(
        args.notebook,
        dict(args.given),
        runs=args.runs,
        threads=args.threads,
        timeout=args.timeout,
        force=args.force,
        progress=show_progress(args),
    )
    print(f"{'unchanged' if run.cached else 'done'}: {run.notebook}")
    print(f"results: {run.results}")
