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


def _one_recording(path: Path, table: pd.DataFrame, wanted: str | None) -> pd.DataFrame:
    """Keep the recording asked for, by its name or its subject's; refuse where that is not one."""
    whole = table.index
    kept = table
    if wanted is not None:
        kept = table[(whole.get_level_values("recording") == wanted) | (whole.get_level_values("subject") == wanted)]
        kept.attrs = table.attrs
    if (count := len(cast("pd.MultiIndex", kept.index).droplevel(["frame"]).unique())) != 1:
        known = [str(name) for name in (kept if count else table).index.unique("recording")]
        told = ", ".join(known[:8]) + (f" and {len(known) - 8} more" if len(known) > 8 else "")
        what = f"holds {count} recordings" if wanted is None else f"{count} of its recordings are called {wanted!r}"
        raise DfecsError(f"{path}: {what}, and a report is of one; choose with --recording from {told}")
    return kept


@click.command(epilog=example("dfecs report clip.mp4 -o report.html --units units.npz"))
@click.argument("source", metavar="VIDEO|TABLE")
@click.option("-o", "--output", required=True, metavar="FILE.html", help="The page.")
@click.option("--units", metavar="FILE.npz", help="Units whose activations are shown.")
@click.option("--recording", metavar="NAME", help="Of a table that holds several: the one to report on.")
@click.option(
    "--overlay", metavar="FILE.mp4", help="Of a video: also write it with points and activations drawn on it."
)
@progress_option
def report(
    source: str, output: str, units: str | None, recording: str | None, overlay: str | None, progress: bool | None
) -> None:
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
    table = _one_recording(path, table, recording)
    seconds = None if seconds is None else seconds.reindex(table.index)
    frames = None if frames is None else frames.reindex(table.index)
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
