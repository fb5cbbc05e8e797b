"""Tracking against the plain per-frame loop of dlib: frames a second, points apart, and what counts as covered.

    python benchmarks/tracking.py VIDEO... [--jobs 2] [--covered NAME FIRST LAST] [--long VIDEO]

The plain loop decodes a frame, searches it at full size with dlib's detector and fits the 68 points in the box found,
frame by frame, as dlib's own example does. Ours is `dfecs_lib.tracking.track_many`, without cache, videos at a time by
`--jobs`. Both are timed in turns, three times; the best of each counts. Neither time has the loading of dlib's models
in it. Processor time is that of one process, which others on the machine change little. Of every video, the share of
frames below the spread that counts as covered is given; ``--covered`` names the frames of one in which a hand covers
the face. ``--long`` names a long film that `dfecs track` goes through in a process of its own: its processor time and
most memory. Writes dated JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd

from dfecs_lib.keypoints import coordinates, to_points
from dfecs_lib.tracking import dlib_backend, open_media, track_many


def plain(video: Path) -> np.ndarray:
    detector, predictor = dlib_backend._detector(), dlib_backend._predictor(dlib_backend._model_file())
    rows = []
    for image in open_media(video).frames():
        boxes = detector(image, 0)
        if len(boxes):
            shape = predictor(image, max(boxes, key=lambda box: box.area()))
            rows.append([(p.x, p.y) for p in shape.parts()])
        else:
            rows.append([(np.nan, np.nan)] * 68)
    return np.array(rows, dtype=float)


def long_film(video: Path) -> dict[str, float]:
    """Track one film by the command line; what it cost."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "long.parquet"
        subprocess.run(
            [sys.executable, "-m", "dfecs_lib.cli", "track", str(video), "-o", str(table), "--no-cache"], check=True
        )
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        times = pd.read_parquet(table, columns=["time"])["time"]
    return {
        "frames": len(times),
        "minutes": float(times.max()) / 60,
        "processor_seconds": used.ru_utime + used.ru_stime,
        "peak_memory_mib": used.ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--covered", nargs=3, action="append", default=[], metavar=("NAME", "FIRST", "LAST"))
    parser.add_argument("--long", type=Path, metavar="VIDEO")
    given = parser.parse_args()
    long = {} if given.long is None else {"long": long_film(given.long)}
    plain(given.videos[0])  # loads the models
    loop, ours = [], []
    for _ in range(given.rounds):
        start = time.perf_counter()
        expected = {video: plain(video) for video in given.videos}
        loop.append(time.perf_counter() - start)
        start = time.perf_counter()
        table, facts = track_many(given.videos, n_jobs=given.jobs, keep_doubtful=True)
        ours.append(time.perf_counter() - start)
    used = []
    for work in (lambda: [plain(video) for video in given.videos], lambda: track_many(given.videos, n_jobs=1)):
        start = time.process_time()
        work()
        used.append(time.process_time() - start)
    apart, covered = {}, {}
    for video in given.videos:
        rows = table.xs(video.stem, level="recording")
        distance = np.linalg.norm(to_points(coordinates(rows)) - expected[video], axis=2).mean(axis=1)
        seen = facts.xs(video.stem, level="recording")
        number = seen.index.get_level_values("frame")
        flagged, hand = (seen["doubt"] == "covered").to_numpy(), np.zeros(len(seen), dtype=bool)
        for name, first, last in given.covered:
            hand |= (name == video.stem) & (number >= int(first)) & (number <= int(last))
        apart[video.name] = {
            "mean_px": float(np.nanmean(distance)),
            "median_px": float(np.nanmedian(distance)),
            "median_px_uncovered": float(np.nanmedian(distance[~flagged])),
        }
        covered[video.name] = {
            "frames": len(seen),
            "uncovered_frames_flagged_percent": 100 * float(flagged[~hand].mean()),
        }
        if hand.any():
            covered[video.name]["covered_frames_flagged_percent"] = 100 * float(flagged[hand].mean())
    frames = len(table)
    result = {
        "date": date.today().isoformat(),
        "host": {"machine": platform.machine(), "system": platform.system(), "python": platform.python_version()},
        "versions": {name: metadata.version(name) for name in ("dlib-bin", "av", "numpy", "joblib")},
        "frames": frames,
        "jobs": given.jobs,
        "load_average": os.getloadavg()[0],
        "plain_frames_per_second": frames / min(loop),
        "frames_per_second": frames / min(ours),
        "ratio": min(loop) / min(ours),
        "processor_ratio_one_process": used[0] / used[1],
        "points_apart": apart,
        "covered": covered,
        **long,
    }
    target = Path(__file__).parent / "results" / f"tracking-{result['date']}.json"
    target.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
