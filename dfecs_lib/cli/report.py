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
    """Keep the recording asked for, by its name, its subject's, or both; refuse where that is not one."""
    of_row = cast("pd.MultiIndex", table.index).droplevel(["frame"])
    keys = [key for key in of_row.unique() if wanted in (None, key[2], key[1], f"{key[1]}/{key[2]}")]
    if len(keys) != 1:
        known = keys or list(of_row.unique())
        alike = len({key[2] for key in known}) < len(known)
        names = [f"{key[1]}/{key[2]}" if alike else str(key[2]) for key in known]
        told = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        what = f"holds {len(keys)} recordings" if wanted is None else f"{len(keys)} of its recordings are {wanted!r}"
        raise DfecsError(f"{path}: {what}, and a report is of one; choose with --recording from {told}")
    kept = table[of_row.isin(keys)]
    kept.attrs = table.attrs
    return kept


def _neutral_of(neutral: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame | None:
    """Return the known neutral frame of a table's one recording, else the only one of its subject; None: to choose."""
    dataset, subject, recording, _ = table.index[0]
    at = [neutral.index.get_level_values(level) for level in ("dataset", "subject", "recording")]
    theirs = (at[0] == dataset) & (at[1] == subject)
    mine = theirs & (at[2] == recording)
    kept = neutral[mine if mine.any() else theirs]
    kept.attrs = neutral.attrs
    return kept if len(kept) == 1 else None


@click.command(epilog=example("dfecs report clip.mp4 -o report.html --units units.npz"))
@click.argument("source", metavar="VIDEO|TABLE|FOLDER|DATASET")
@click.option("-o", "--output", required=True, metavar="FILE.html", help="The page.")
@click.option("--units", metavar="FILE.npz", help="Units whose activations are shown.")
@click.option("--recording", metavar="NAME", help="Of a source that holds several: the one to report on.")
@click.option(
    "--overlay", metavar="FILE.mp4", help="Of a video: also write it with points and activations drawn on it."
)
@progress_option
def report(
    source: str, output: str, units: str | None, recording: str | None, overlay: str | None, progress: bool | None
) -> None:
    """Make one page of one recording, which needs no network.

    It shows what to distrust, the moving face beside its reconstruction by the units, the units over time, a summary
    of each, the neutral frame and the quality of the track. It is made of a video, a folder of pictures, a table of
    tracked faces, a folder of tables, or a dataset of the manifest (clips/single_face).
    """
    target = check_output(output, [".html"], [source])
    drawn = check_output(overlay, [".mp4", ".gif", ".webp", ".png"], [source]) if overlay else None
    model = read_units(units) if units else None
    from dfecs_lib.data.load import load
    from dfecs_lib.data.readers import read_tracks
    from dfecs_lib.files import whole_file
    from dfecs_lib.preprocessing import preparation
    from dfecs_lib.publishing.report import report_page
    from dfecs_lib.tracking import backend_of, default_cache, track_many, tracker_of, write_overlay
    from dfecs_lib.tracking.media import IMAGE_SUFFIXES, VIDEO_SUFFIXES, holds_pictures
    from dfecs_lib.workflow.faces_for import points_of, prepare_for

    path = Path(source)
    scheme = None if model is None else points_of(model)
    frames: pd.DataFrame | None = None
    seconds: pd.Series[float] | None = None
    known: pd.DataFrame | None = None
    if path.suffix.lower() in VIDEO_SUFFIXES | IMAGE_SUFFIXES or holds_pictures(path):
        table, frames = track_many([path], backend_of(scheme), cache=default_cache(), progress=show_progress(progress))
        seconds = frames["time"]
    elif drawn is not None:
        raise DfecsError(f"{drawn}: an overlay is drawn on a video, and {path} is none")
    elif path.is_file():
        tracks = read_tracks(path)
        table, seconds = tracks.keypoints, tracks.time
    else:
        data = load(source, scheme=scheme, progress=show_progress(progress))
        table, seconds, known = data.keypoints, data.time, data.neutral
    table = _one_recording(path, table, recording)
    seconds = None if seconds is None else seconds.reindex(table.index)
    frames = None if frames is None else frames.reindex(table.index)
    known = None if known is None else _neutral_of(known, table)
    prepared = preparation(table, neutral=known) if model is None else prepare_for(model, table, neutral=known)
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
