"""``dfecs book``: every notebook of a profile, then the pages, or one page of them all and a PDF."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dfecs_lib.cli.common import example

__all__ = ["book"]


@click.command(epilog=example("dfecs book --profile demo"))
@click.option("--profile", default="demo", metavar="NAME", help="demo, ravdess or paper: see notebooks/profiles.yaml.")
@click.option(
    "--root",
    metavar="DIR",
    help="Folder with book/ and notebooks/ (default: the current one if it has them, else those of dfecs_lib itself).",
)
@click.option("--out", metavar="DIR", help="Where built books go (default: _site in --root, else here).")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Notebooks at a time (default: one a core).")
@click.option(
    "--print",
    "printable",
    is_flag=True,
    help="Make one page of all chapters for paper instead of a site, and a PDF of it if Chromium or Chrome is here (or "
    "$CHROMIUM names one); no TeX is needed.",
)
@click.option(
    "--serve",
    is_flag=False,
    flag_value=8000,
    type=click.IntRange(0, 65535),
    metavar="[PORT]",
    help="Then serve it to this machine, on port 8000 unless given.",
)
def book(profile: str, root: str | None, out: str | None, jobs: int | None, printable: bool, serve: int | None) -> None:
    """Run the notebooks of a profile and build the book from them."""
    from dfecs_lib.publishing import book as builder

    index = builder.build_book(profile, root=root, out=out, n_jobs=jobs, printable=printable, report=_report)
    print(index, flush=True)
    if printable:
        _print_pdf(index)
    if serve is not None:
        builder.serve(index.parent, serve, _report)


def _report(line: str) -> None:
    print(f"dfecs: {line}", file=sys.stderr, flush=True)


def _print_pdf(page: Path) -> None:
    from dfecs_lib.publishing.printing import find_chromium, write_pdf

    browser = find_chromium()
    if browser is None:
        _report(
            "no PDF: neither Chromium nor Chrome was found; open the page in any browser and print it, or set CHROMIUM"
        )
        return
    _report("printing to PDF")
    print(write_pdf(page, page.with_name("book.pdf"), browser), flush=True)
