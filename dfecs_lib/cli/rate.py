"""``dfecs rate``: build a rater study from trained units, and analyse what raters answered."""

from __future__ import annotations

from pathlib import Path

import click

from dfecs_lib.cli.common import check_folder, example

__all__ = ["rate"]

_COUNT = click.IntRange(min=0)


@click.group(no_args_is_help=False, epilog=example("dfecs rate build units.npz -o study"))
def rate() -> None:
    """Let people judge whether muscles can make units.

    Build a study, and analyse the answers.
    """


@rate.command(epilog=example("dfecs rate build units.npz -o study"))
@click.argument("model", metavar="UNITS.npz")
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Where index.html is written.")
@click.option("--title", default="Can facial muscles do this?", help="Heading of the page.")
@click.option("--catch", type=_COUNT, default=4, metavar="N", help="Known motions among them.")
@click.option("--repeats", type=_COUNT, metavar="N", help="Shown twice (default: one in six, at least 2).")
@click.option("--no-guide", is_flag=True, help="Do not offer raters the directions of the muscles.")
@click.option("--seed", type=_COUNT, default=0, metavar="N", help="Chooses repeats and orders.")
def build(model: str, output: str, title: str, catch: int, repeats: int | None, no_guide: bool, seed: int) -> None:
    """Write a study as one page that needs no network.

    UNITS.npz is a model of 'dfecs train'.
    """
    from dfecs_lib.rating import build_study, load_study

    page = build_study(
        model,
        check_folder(output),
        title=title,
        n_catch=catch,
        n_repeats=repeats,
        guide=not no_guide,
        seed=seed,
    )
    trials = load_study(page.parent)["trials"]
    count = len(trials) if isinstance(trials, list) else 0
    print(f"{page}: {count} movements. Send this one file to the raters; keep study.json for the analysis.")


@rate.command(epilog=example("dfecs rate analyse answers/*.csv --study study -o report"))
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("-o", "--output", default="report", metavar="FOLDER", help="For the pages.")
@click.option("--study", metavar="FOLDER", help="The study's folder, to draw the marked keypoints.")
@click.option("--bootstraps", type=click.IntRange(min=1), default=500, metavar="N", help="Draws for intervals.")
def analyse(files: tuple[str, ...], output: str, study: str | None, bootstraps: int) -> None:
    """Analyse raters' exports: interpretable share, agreement, test-retest, who was left out.

    A FILE is a CSV or JSON export of the one study.
    """
    from dfecs_lib import rating

    target = check_folder(output)
    report = rating.analyse([Path(file) for file in files], n_bootstraps=bootstraps)
    page = report.write(target, study)
    if report.simulated:
        print("Simulated raters: the figures below say nothing about people.")
    kept = int(report.raters["kept"].sum())
    print(f"interpretable: {report.share}, {kept} of {len(report.raters)} raters")
    for row in report.agreement.itertuples(index=False):
        print(f"{row.question:9} {row.coefficient:21} {row.value:6.2f}  ({row.low:.2f} to {row.high:.2f})")
    for note in report.notes:
        print(note)
    print(page)
