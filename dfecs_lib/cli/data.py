"""``dfecs data``: what the manifest knows, what is on this machine, and fetching what is open."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dfecs_lib.cli.common import add_command, add_progress, json_text, show_progress, table_text

if TYPE_CHECKING:
    from dfecs_lib.cli.common import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "data",
        help="list, check and fetch datasets",
        description="List, check and fetch the datasets of data_manifest.yaml.",
        epilog="example:\n  dfecs data list",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    listing = add_command(
        verbs, "list", _list, summary="Show every dataset and its state on this machine.", example="dfecs data list"
    )
    listing.add_argument("--json", action="store_true", help="as JSON, with paths and licences")
    check = add_command(
        verbs,
        "check",
        _check,
        summary="Count subjects, recordings and frames, and say what is missing.",
        example="dfecs data check clips",
    )
    check.add_argument("names", nargs="*", metavar="NAME", help="datasets (default: those that are on this machine)")
    fetch = add_command(
        verbs,
        "fetch",
        _fetch,
        summary="Download open datasets, verify and unpack them.",
        example="dfecs data fetch clips",
    )
    fetch.add_argument("names", nargs="+", metavar="NAME", help="datasets")
    add_progress(fetch)
    for verb in (listing, check, fetch):
        verb.add_argument("--manifest", metavar="FILE", help="another manifest (default: data_manifest.yaml)")


def _list(args: argparse.Namespace) -> None:
    from dfecs_lib.data.checking import listing
    from dfecs_lib.data.manifest import load_manifest

    table = listing(load_manifest(args.manifest))
    if args.json:
        print(json_text(table))
    else:
        print(table_text(table[["name", "state", "kind", "scheme", "title"]]))


def _check(args: argparse.Namespace) -> int:
    from dfecs_lib.data.checking import check
    from dfecs_lib.data.manifest import State, load_manifest, state

    known = load_manifest(args.manifest)
    present = [n for n, entry in known.items() if state(entry) in (State.READY, State.INCOMPLETE)]
    entries = [known[name] for name in args.names or present]
    if not entries:
        print("No dataset is on this machine yet; 'dfecs data list' says what there is.")
    reports = [check(entry) for entry in entries]
    for report in reports:
        print(report)
    return 0 if all(report.ok for report in reports) else 1


def _fetch(args: argparse.Namespace) -> None:
    from dfecs_lib.data.fetching import fetch
    from dfecs_lib.data.manifest import load_manifest

    known = load_manifest(args.manifest)
    entries = [known[name] for name in args.names]  # an unknown name stops before any download
    for entry in entries:
        print(f"{entry.name}: {fetch(entry, progress=show_progress(args))}")
