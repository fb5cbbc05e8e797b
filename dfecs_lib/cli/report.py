"""``dfecs report``: one recording as a page to look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from dfecs_lib.cli.common import check_output, example, progress_option, read_units, show_progress
from dfecs_lib.errors import DfecsError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["report"]


@click.command(epilog=example("dfecs report clip.mp4 -o report.html --units units.npz"))
@click.argument("source", metavar="VIDEO|TABLE")
@click.option("-o", "--output", required=True, metavar="FILE.html", help="The page.")
@click.option("--units", metavar="FILE.npz", help="Units whose activations are shown.")
@click.option(
    "--overlay", metavar="FILE.mp4", help="Of a video: also write it with points and activations drawn on it."
)
@progress_option
def report(source: str, output: str, units: str | None, overlay: str | None, progress: bool | None) -> None:
    """Make one page of one recording, which needs no network.

    It shows what to distrust, the moving face beside its reconstruction by the units, the units over time, a summary
    of each, the neutral frame and the quality of the track.
    """
    target = check_output(output, [".html"], [source])
    drawn = check_output(overlay, [".mp4", ".gif", ".webp", ".png"], [source]) if overlay else None
    model = read_units(units) if units else None
    from dfecs_lib.data.readers import read_tracks
    from dfecs_lib.files import whole_file
    from dfecs_lib.preprocessing import preparation
    from dfecs_lib.publishing.report import report_page
    from dfecs_lib.tracking import backend_of, default_cache, track_many, tracker_of, write_overlay
    from dfecs_lib.tracking.media import IMAGE_SUFFIXES, VIDEO_SUFFIXES
    from dfecs_lib.workflow.faces_for import points_of, prepare_for

    path = Path(source)
    scheme = None if model is None else points_of(model)
    frames: pd.DataFrame | None = None
    seconds: pd.Series[float] | None = None
    if path.is_dir() or path.suffix.lower() in VIDEO_SUFFIXES | IMAGE_SUFFIXES:
        table, frames = track_many([path], backend_of(scheme), cache=default_cache(), progress=show_progress(progress))
        seconds = frames["time"]
    elif drawn is not None:
        raise DfecsError(f"{drawn}: an overlay is drawn on a video, and {path} is none")
    else:
        tracks = read_tracks(path)
        table, seconds = tracks.keypoints, tracks.time
    if len(recordings := cast("pd.MultiIndex", table.index).droplevel(["frame"]).unique()) > 1:
        raise DfecsError(f"{path}: holds {len(recordings)} recordings; a report is of one")
    prepared = preparation(table) if model is None else prepare_for(model, table)
    codes = None if model is None else model.transform(prepared.motion).reindex(table.index)
    page = report_page(
        path.stem,
        table,
        prepared,
        frames=frames,
        seconds=seconds,
        model=model,
        codes=codes,
        tracker=tracker_of(table),
    )
    with whole_file(target) as partial:
        partial.write_text(page, encoding="utf-8")
    if drawn is not None:
        write_overlay(path, table, drawn, codes=codes)
    print(target)
