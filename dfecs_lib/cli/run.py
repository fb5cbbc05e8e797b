"""``dfecs run``: one notebook, cached and atomic."""

from __future__ import annotations

import click

from dfecs_lib.cli.common import example, progress_option, show_progress
from dfecs_lib.errors import DfecsError

__all__ = ["run"]


@click.command(epilog=example("dfecs run notebooks/03_training.ipynb -p part_variance 0.95"))
@click.argument("notebook", metavar="NOTEBOOK")
@click.option("-p", "given", nargs=2, multiple=True, metavar="NAME VALUE", help="A parameter.")
@click.option("--list", "only_list", is_flag=True, help="Print the notebook's parameters and defaults, run nothing.")
@click.option("--runs", default=".runs", metavar="DIR", help="Where runs are kept.")
@click.option("--threads", type=click.IntRange(min=1), default=1, metavar="N", help="Numerical threads.")
@click.option(
    "--timeout", type=click.FloatRange(min=1), metavar="SECONDS", help="Longest for one cell (default: none)."
)
@click.option("--force", is_flag=True, help="Run even when the same run is there.")
@progress_option
def run(
    notebook: str,
    given: tuple[tuple[str, str], ...],
    only_list: bool,
    runs: str,
    threads: int,
    timeout: float | None,
    force: bool,
    progress: bool | None,
) -> None:
    """Execute a notebook with parameters.

    A run that is there already is not done again. NOTEBOOK is an .ipynb file with a cell tagged 'parameters', or the
    name of one that comes with dfecs_lib, such as 03_training.
    """
    from dfecs_lib.publishing.runs import declared_parameters, find_notebook, read_notebook
    from dfecs_lib.publishing.runs.apart import run_apart

    notebook = str(find_notebook(notebook))
    if only_list:
        for name, default in declared_parameters(read_notebook(notebook), notebook).items():
            print(f"{name} = {default!r}")
        return
    names = [name for name, _ in given]
    if twice := {name for name in names if names.count(name) > 1}:
        raise DfecsError(f"the parameter {', '.join(sorted(twice))} is given twice")
    done = run_apart(
        notebook,
        dict(given),
        runs=runs,
        threads=threads,
        timeout=timeout,
        force=force,
        progress=show_progress(progress),
    )
    if done.not_run:
        raise DfecsError(f"not run: {done.not_run}")
    print(f"{'unchanged' if done.cached else 'done'}: {done.notebook}")
    print(f"results: {done.results}")
