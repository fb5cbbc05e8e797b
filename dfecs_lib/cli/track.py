"""``dfecs track``: videos and folders of images to one keypoint table."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from dfecs_lib.cli.common import (
    NAMES_HELP,
    add_command,
    add_parallel,
    add_progress,
    check_output,
    in_parallel,
    show_progress,
    table_text,
    write_table,
)
from dfecs_lib.errors import DfecsError

if TYPE_CHECKING:
    from dfecs_lib.cli.common import Commands
    from dfecs_lib.tracking.backends import Setting

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "track",
        _track,
        summary="Track the face in videos or folders of images, into one keypoint table.",
        example="dfecs track clip.mp4 -o clip.parquet",
    )
    parser.add_argument(
        "sources", nargs="+", metavar="VIDEO", help="video, image, or folder of images (one recording) or of videos"
    )
    parser.add_argument("-o", "--output", required=True, metavar="FILE.parquet", help="the keypoint table")
    parser.add_argument("--backend", default="dlib", help="dlib (default), face-alignment or mediapipe")
    parser.add_argument(
        "--set",
        dest="settings",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="a setting of the backend, for instance: --set min_confidence 0.5",
    )
    parser.add_argument("--dataset", default="", help="dataset name in the table")
    parser.add_argument("--subject", default="", help="subject name in the table, where all videos show one person")
    parser.add_argument("--names", metavar="PATTERN", help=NAMES_HELP % "the file's name is the recording's")
    parser.add_argument("--confidence", metavar="FILE", help="also write each frame's confidence (.parquet or .csv)")
    add_parallel(
        parser,
        "videos at a time (default 1; -1: a core each)",
        "track on the workers of a running Dask cluster, which find videos and cache under the same paths: its "
        "scheduler's address, such as tcp://10.0.0.1:8786, or scheduler file",
        default=1,
    )
    parser.add_argument(
        "--cache", metavar="DIR", help="where finished videos are kept for a restart (default: the user's cache)"
    )
    parser.add_argument("--no-cache", action="store_true", help="keep nothing")
    add_progress(parser)


def _track(args: argparse.Namespace) -> None:
    target = check_output(args.output, [".parquet"], args.sources)
    scores = check_output(args.confidence, [".parquet", ".csv"], args.sources) if args.confidence else None
    if scores is not None and scores.resolve() == target.resolve():
        raise DfecsError(f"{scores}: named twice; the confidences need a file of their own")
    from dfecs_lib.keypoints import save
    from dfecs_lib.tracking import default_cache, expand_sources, track_many

    sources, cache = expand_sources(args.sources), args.cache or default_cache()
    if args.dask:  # a worker's current folder is another one
        sources, cache = [source.absolute() for source in sources], Path(cache).absolute()
    with in_parallel(args):
        table, confidence = track_many(
            sources,
            args.backend,
            settings={name: _value(text) for name, text in args.settings},
            dataset=args.dataset,
            subject=args.subject,
            names=args.names,
            cache=None if args.no_cache else cache,
            n_jobs=None if args.dask else args.jobs,
            progress=show_progress(args),
        )
    save(table, target)
    if scores is not None:
        write_table(confidence.to_frame(), scores)
    levels = [level for level in ("dataset", "subject") if any(table.index.unique(level))]
    found = table.notna().any(axis=1).groupby(level=[*levels, "recording"]).agg(["size", "sum"]).reset_index()
    print(table_text(found.set_axis([*levels, "recording", "frames", "with a face"], axis=1)))
    if lost := found.loc[found["sum"] == 0, "recording"].tolist():
        warnings.warn(f"no face was found in {', '.join(lost)}; is the picture upright?", stacklevel=1)


def _value(text: str) -> Setting:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False, "none": None}.get(text.lower(), text)
