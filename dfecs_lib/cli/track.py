"""``dfecs track``: videos and folders of images to one keypoint table."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dfecs_lib.cli.common import (
    NAMES_HELP,
    check_folder,
    check_output,
    example,
    in_parallel,
    parallel_options,
    progress_option,
    show_progress,
)
from dfecs_lib.errors import DfecsError

if TYPE_CHECKING:
    import pandas as pd

    from dfecs_lib.tracking.backends import Setting

__all__ = ["track"]

_QUICK = 20_000  # frames whose neutral one is found in a second


@click.command(epilog=example("dfecs track clip.mp4 -o clip.parquet"))
@click.argument("sources", nargs=-1, required=True, metavar="VIDEO...")
@click.option(
    "-o", "--output", required=True, metavar="FILE.parquet", help="The keypoint table; FILE.csv has OpenFace's columns."
)
@click.option("--backend", default="dlib", metavar="NAME", help="dlib, face-alignment or mediapipe.")
@click.option(
    "--set",
    "settings",
    nargs=2,
    multiple=True,
    metavar="NAME VALUE",
    help="A setting of the backend, for instance: --set min_confidence 0.5",
)
@click.option("--dataset", default="", show_default=False, help="Dataset name in the table.")
@click.option(
    "--subject", default="", show_default=False, help="Subject name in the table, where all videos show one person."
)
@click.option("--names", metavar="PATTERN", help=NAMES_HELP % "the file's name is the recording's")
@click.option(
    "--confidence",
    metavar="FILE",
    help="Also write of each frame its confidence, time, number of faces and doubts (.parquet or .csv).",
)
@click.option(
    "--overlay", metavar="FILE.mp4", help="Also write the video with the points drawn on it (or .gif, .webp)."
)
@click.option(
    "--quality",
    "quality_folder",
    metavar="DIR",
    help="Also write a table of each recording's quality, and a picture of it over time (quality.csv, RECORDING.png).",
)
@click.option("--all-faces", is_flag=True, help="Keep every face, each as a subject: face1 is large for longest.")
@click.option("--keep-doubtful", is_flag=True, help="Keep frames whose face jumps, changes its size or is covered.")
@click.option("--strict", is_flag=True, help="Stop when a video cannot be tracked, rather than leave it out.")
@parallel_options(
    "Videos at a time; -1: a core each.",
    "Track on the workers of a running Dask cluster, which find videos and cache under the same paths: its "
    "scheduler's address, such as tcp://10.0.0.1:8786, or scheduler file.",
    default=1,
)
@click.option(
    "--cache", metavar="DIR", help="Where finished videos are kept for a restart (default: the user's cache)."
)
@click.option("--no-cache", is_flag=True, help="Keep nothing.")
@progress_option
def track(
    sources: tuple[str, ...],
    output: str,
    backend: str,
    settings: tuple[tuple[str, str], ...],
    dataset: str,
    subject: str,
    names: str | None,
    confidence: str | None,
    overlay: str | None,
    quality_folder: str | None,
    all_faces: bool,
    keep_doubtful: bool,
    strict: bool,
    jobs: int,
    dask: str | None,
    cache: str | None,
    no_cache: bool,
    progress: bool | None,
) -> None:
    """Track the face in videos or folders of images.

    The result is one keypoint table. A VIDEO is a video, an image, or a folder of images (one recording) or of videos;
    folders in it are looked into. Of several faces the one that is large for long is kept. Frames whose face jumps,
    changes its size or is covered are left out: they have no points in the table.
    """
    target = check_output(output, [".parquet", ".csv"], sources)
    drawn = check_output(overlay, [".mp4", ".gif", ".webp", ".png"], sources) if overlay else None
    scores = check_output(confidence, [".parquet", ".csv"], sources) if confidence else None
    if scores is not None and scores.resolve() == target.resolve():
        raise DfecsError(f"{scores}: named twice; the confidences need a file of their own")
    pictures = None if quality_folder is None else check_folder(quality_folder)
    from dfecs_lib.files import write_table
    from dfecs_lib.keypoints import save
    from dfecs_lib.tracking import default_cache, expand_sources, openface_columns, track_many, write_overlay

    (files, skipped), kept = expand_sources(sources), Path(cache or default_cache())
    if skipped:
        named = ", ".join(map(str, skipped[:5])) + " …" * (len(skipped) > 5)
        warnings.warn(f"{len(skipped)} files are neither video nor image and were left out: {named}", stacklevel=1)
    if drawn is not None and len(files) > 1:
        raise DfecsError(f"{drawn}: an overlay shows one video; {len(files)} were named")
    if dask:  # a worker's current folder is another one
        files, kept = [file.absolute() for file in files], kept.absolute()
    with in_parallel(dask):
        table, facts = track_many(
            files,
            backend,
            settings={name: _value(text) for name, text in settings},
            dataset=dataset,
            subject=subject,
            names=names,
            all_faces=all_faces,
            keep_doubtful=keep_doubtful,
            strict=strict,
            cache=None if no_cache else kept,
            n_jobs=None if dask else jobs,
            progress=show_progress(progress),
        )
    if target.suffix.lower() == ".csv":
        write_table(openface_columns(table, facts).set_index("frame"), target)
    else:
        save(table, target, time=facts["time"])
    if scores is not None:
        write_table(facts, scores)
    if drawn is not None:
        write_overlay(files[0], table, drawn)
    if pictures is not None:
        _draw(table, facts, pictures)
    _say(table, facts)


def _draw(table: pd.DataFrame, facts: pd.DataFrame, folder: Path) -> None:
    """Write how far recordings are to be believed: a table, and a picture of each."""
    from dfecs_lib.evaluation.quality import quality, quality_over_time
    from dfecs_lib.files import whole_file, write_csv
    from dfecs_lib.plotting import use_style
    from dfecs_lib.plotting.quality import draw_quality

    folder.mkdir(parents=True, exist_ok=True)
    write_csv(quality(table, facts), folder / "quality.csv")
    levels = ["dataset", "subject", "recording"]
    for key, course in quality_over_time(table, facts).groupby(level=levels):
        name = "/".join(filter(None, map(str, key)))
        figure = draw_quality(course, name, facts.loc[course.index, "time"])
        plain = re.sub(r"[^\w.-]+", "_", name).strip(".") or "recording"
        with whole_file(folder / f"{plain}.png") as partial, use_style():
            figure.savefig(partial, format="png", dpi=100)


def _say(table: pd.DataFrame, facts: pd.DataFrame) -> None:
    """Print a line a recording: what was found, and its neutral frame; warn of those without a face."""
    from dfecs_lib.evaluation.quality import quality, quality_sentence
    from dfecs_lib.preprocessing import preparation

    found = quality(table, facts)
    neutral: dict[tuple[str, ...], int] = {}
    if len(table) <= _QUICK and (found["face"] > 0).any():
        try:
            chosen = preparation(table).neutral
            neutral = {tuple(map(str, key[:3])): int(key[3]) for key in chosen.index}
        except DfecsError:  # too few points, or no face from the front: said where motion is made of it
            neutral = {}
    for position, level in enumerate(found.index):
        key, row = tuple(map(str, level)), found.iloc[position]
        name = "/".join(filter(None, key))
        rest = f"; neutral frame {neutral[key]}" if key in neutral else ""
        print(f"{name}: {quality_sentence(row)}{rest}")
    if faceless := found.index.get_level_values("recording")[found["face"] == 0].tolist():
        warnings.warn(f"no face was found in {', '.join(faceless)}; is the picture upright?", stacklevel=1)


def _value(text: str) -> Setting:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False, "none": None}.get(text.lower(), text)
