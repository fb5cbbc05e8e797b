"""Tracking against the plain per-frame loop of dlib: frames a second, and how far apart the points are.

    python benchmarks/tracking.py VIDEO... [--frames N]

The plain loop decodes a frame, searches it at full size with dlib's detector and fits the 68 points in the box found,
frame by frame, as dlib's own example does. Ours is `dfecs_lib.tracking.track_many`, without cache, videos at a time by
`--jobs`. Both are timed in turns, three times, in this process; the best of each counts. Writes dated JSON.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from datetime import date
from importlib import metadata
from pathlib import Path

import dlib
import numpy as np

from dfecs_lib.keypoints import coordinates, to_points
from dfecs_lib.tracking import dlib_backend, open_media, track_many


def plain(video: Path) -> np.ndarray:
    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(dlib_backend._model_file()))
    rows = []
    for image in open_media(video).frames():
        boxes = detector(image, 0)
        if len(boxes):
            shape = predictor(image, max(boxes, key=lambda box: box.area()))
            rows.append([(p.x, p.y) for p in shape.parts()])
        else:
            rows.append([(np.nan, np.nan)] * 68)
    return np.array(rows, dtype=float)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    loop, ours = [], []
    for _ in range(given.rounds):
        start = time.perf_counter()
        expected = {video: plain(video) for video in given.videos}
        loop.append(time.perf_counter() - start)
        start = time.perf_counter()
        table, _ = track_many(given.videos, n_jobs=given.jobs, keep_doubtful=True)
        ours.append(time.perf_counter() - start)
    apart = {}
    for video in given.videos:
        rows = table.xs(video.stem, level="recording")
        distance = np.linalg.norm(to_points(coordinates(rows)) - expected[video], axis=2).mean(axis=1)
        apart[video.name] = {"mean_px": float(np.nanmean(distance)), "median_px": float(np.nanmedian(distance))}
    frames = len(table)
    result = {
        "date": date.today().isoformat(),
        "host": {"machine": platform.machine(), "system": platform.system(), "python": platform.python_version()},
        "versions": {name: metadata.version(name) for name in ("dlib-bin", "av", "numpy", "joblib")},
        "frames": frames,
        "jobs": given.jobs,
        "plain_frames_per_second": frames / min(loop),
        "frames_per_second": frames / min(ours),
        "ratio": min(loop) / min(ours),
        "points_apart": apart,
    }
    target = Path(__file__).parent / "results" / f"tracking-{result['date']}.json"
    target.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
