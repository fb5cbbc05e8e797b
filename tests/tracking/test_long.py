"""A long video is tracked in the memory of a short one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

import dfecs_lib

FRAMES = 20_000
SHAPE = (48, 64)

_PROGRAM = """
import resource, sys
from dfecs_lib.tracking import track_many
table, _ = track_many([sys.argv[1]])
print(len(table), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def film(path: Path, frames: int) -> Path:
    random = np.random.default_rng(0)
    pictures = [av.VideoFrame.from_ndarray(random.integers(0, 255, (*SHAPE, 3), dtype=np.uint8)) for _ in range(5)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.height, stream.width, stream.pix_fmt = *SHAPE, "yuv420p"
        for k in range(frames):
            picture = pictures[k % len(pictures)]
            picture.pts = None
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="no figure of peak memory")
def test_a_long_video_takes_the_memory_of_a_short_one(tmp_path: Path) -> None:
    paths = [str(Path(dfecs_lib.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    peak = {}
    for frames in (200, FRAMES):
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, str(film(tmp_path / f"{frames}.mp4", frames))],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )
        assert done.returncode == 0, done.stderr
        count, kilobytes = map(int, done.stdout.split())
        assert count == frames
        peak[frames] = 1024 * kilobytes
    # What is kept is a row of 139 numbers a frame, in a few copies; the pictures would be 184 MB.
    rows = 8 * 139 * FRAMES
    assert peak[FRAMES] - peak[200] < 5 * rows < FRAMES * 3 * SHAPE[0] * SHAPE[1]
