"""``dfecs rate``: build a rater study from trained units, and analyse what raters answered."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from dfecs_lib.cli.common import add_command, at_least, check_folder

if TYPE_CHECKING:
    from dfecs_lib.cli.common import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command and its two verbs."""
    parser = add_command(
        commands,
        "rate",
        lambda _: parser.error("say 'build' or 'analyse'"),
        summary="Let people judge whether facial muscles can make each unit: build the study, analyse the answers.",
        example="dfecs rate build units.npz -o study",
    )
    verbs = parser.add_subparsers(metavar="build|analyse")
    build = add_command(
        verbs,
        "build",
        _build,
        summary="Write a study as one page that needs no network.",
        example="dfecs rate build units.npz -o study",
    )
    build.add_argument("model", metavar="UNITS.npz", help="a model of 'dfecs train'")
    build.add_argument("-o", "--output", required=True, metavar="FOLDER", help="where index.html is written")
    build.add_argument("--title", default="Can facial muscles do this?", help="heading of the page")
    build.add_argument(
        "--catch", type=at_least(0), default=4, metavar="N", help="known motions among them (default: 4)"
    )
    build.add_argument("--repeats", type=at_least(0), metavar="N", help="shown twice (default: one in six, at least 2)")
    build.add_argument("--no-guide", action="store_true", help="do not offer raters the directions of the muscles")
    build.add_argument("--seed", type=at_least(0), default=0, help="chooses repeats and orders (default: 0)")
    analyse = add_command(
        verbs,
        "analyse",
        _analyse,
        summary="Analyse raters' exports: interpretable share, agreement, test-retest, who was left out.",
        example="dfecs rate analyse answers/*.csv --study study -o report",
    )
    analyse.add_argument("files", nargs="+", metavar="FILE", help="CSV or JSON exports of one study")
    analyse.add_argument("-o", "--output", default="report", metavar="FOLDER", help="for the pages (default: report)")
    analyse.add_argument("--study", metavar="FOLDER", help="the study's folder, to draw the marked keypoints")
    analyse.add_argument(
        "--bootstraps", type=at_least(1), default=500, metavar="N", help="draws for intervals (default: 500)"
    )


def _build(args: argparse.Namespace) -> None:
    from dfecs_lib.rating import build_study, load_study

    page = build_study(
        args.model,
        check_folder(args.output),
        title=args.title,
        n_catch=args.catch,
        n_repeats=args.repeats,
        guide=not args.no_guide,
        seed=args.seed,
    )
    trials = load_study(page.parent)["trials"]
    count = len(trials) if isinstance(trials, list) else 0
    print(f"{page}: {count} movements. Send this one file to the raters; keep study.json for the analysis.")


def _analyse(args: argparse.Namespace) -> None:
    from dfecs_lib.rating import analyse

    target = check_folder(args.output)
    report = analyse([Path(f) for f in args.files], n_bootstraps=args.bootstraps)
    page = report.write(target, args.study)
    if report.simulated:
        print("Simulated raters: the figures below say nothing about people.")
    kept = int(report.raters["kept"].sum())
    print(f"interpretable: {report.share}, {kept} of {len(report.raters)} raters")
    for row in report.agreement.itertuples(index=False):
        print(f"{row.question:9} {row.coefficient:21} {row.value:6.2f}  ({row.low:.2f} to {row.high:.2f})")
    for note in report.notes:
        print(note)
    print(page)
