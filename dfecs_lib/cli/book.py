"""``dfecs book``: every notebook of a profile, then the pages, or one page of them all and a PDF."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dfecs_lib.cli.common import add_command, at_least

if TYPE_CHECKING:
    from dfecs_lib.cli.common import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "book",
        _book,
        summary="Run the notebooks of a profile and build the book from them.",
        example="dfecs book --profile demo",
    )
    parser.add_argument(
        "--profile", default="demo", help="demo (default), ravdess or paper: see notebooks/profiles.yaml"
    )
    parser.add_argument("--root", default=".", metavar="DIR", help="the checkout (default: the current folder)")
    parser.add_argument("--out", metavar="DIR", help="where built books go (default: _site in the checkout)")
    parser.add_argument("--jobs", type=at_least(1), metavar="N", help="notebooks at a time (default: one a core)")
    parser.add_argument(
        "--print",
        action="store_true",
        dest="printable",
        help="make one page of all chapters for paper instead of a site, and a PDF of it if Chromium or Chrome is here "
        "(or $CHROMIUM names one); no TeX is needed",
    )
    parser.add_argument(
        "--serve",
        nargs="?",
        const=8000,
        type=int,
        metavar="PORT",
        help="then serve it to this machine, on port 8000 unless given",
    )


def _book(args: argparse.Namespace) -> None:
    from dfecs_lib.publishing.book import build_book, serve

    def report(line: str) -> None:
        print(f"dfecs: {line}", file=sys.stderr, flush=True)

    index = build_book(
        args.profile, root=args.root, out=args.out, n_jobs=args.jobs, printable=args.printable, report=report
    )
    print(index, flush=True)
    if args.printable:
        _print_pdf(index, report)
    if args.serve is not None:
        serve(index.parent, args.serve, report)


def _print_pdf(page: Path, report: Callable[[str], None]) -> None:
    from dfecs_lib.publishing.printing import find_chromium, write_pdf

    browser = find_chromium()
    if browser is None:
        report(
            "no PDF: neither Chromium nor Chrome was found; open the page in any browser and print it, or set CHROMIUM"
        )
        return
    report("printing to PDF")
    print(write_pdf(page, page.with_name("book.pdf"), browser), flush=True)
