"""Training on 0.1, 1 and 10 million frames from Parquet, batch by batch: seconds, peak memory, log-log slope.

Frames are simulated motion, repeated with fresh noise. Each size is trained in a process of its own, whose peak
resident memory is reported. The first 8,192 frames are fitted as a whole; that time is given apart.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from _motion import simulated
from _results import write

from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.models.streaming import parquet_batches

GROUP = 65_536


def make(path: Path, frames: int) -> None:
    base = simulated(frames=None)[0]
    columns, values = list(base.columns), base.to_numpy(np.float32)
    rng = np.random.default_rng(0)
    schema = pa.schema([(name, pa.float32()) for name in columns])
    with pq.ParquetWriter(path, schema, compression="none") as writer:
        for start in range(0, frames, GROUP):
            size = min(GROUP, frames - start)
            rows = values[rng.integers(len(values), size=size)] + rng.normal(scale=0.5, size=(size, len(columns)))
            arrays = [pa.array(np.ascontiguousarray(column), pa.float32()) for column in rows.astype(np.float32).T]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def train(path: Path) -> dict[str, float]:
    """Run in a process of its own."""
    model = FullFaceModel(n_units=16, part_variance=0.95, encoder="direct")
    batches = parquet_batches(path, rows=GROUP)
    wall, cpu = time.perf_counter(), time.process_time()
    first = next(batches)
    model.partial_fit(np.ascontiguousarray(first[:8192]))
    fitted = time.process_time() - cpu
    model.partial_fit(np.ascontiguousarray(first[8192:]))
    frames = len(first)
    for batch in batches:
        model.partial_fit(batch)
        frames += len(batch)
    used = time.process_time() - cpu
    return {
        "frames": frames,
        "first_fit_seconds": fitted,
        "seconds": used,
        "wall_seconds": time.perf_counter() - wall,
        "peak_memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, nargs="*", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--folder", type=Path, help="where the files go; they are deleted afterwards")
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.train:
        print(json.dumps(train(chosen.train)))
        return
    runs = []
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        for frames in chosen.frames:
            path = Path(folder) / f"{frames}.parquet"
            make(path, frames)
            command = [sys.executable, __file__, "--train", str(path)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            runs.append({**json.loads(output.splitlines()[-1]), "file_gb": path.stat().st_size / 1e9})
            path.unlink()
            print(runs[-1], flush=True)
    size = np.log([run["frames"] for run in runs])
    slopes = {
        "all": float(np.polyfit(size, np.log([run["seconds"] for run in runs]), 1)[0]),
        "without_the_first_fit": float(
            np.polyfit(size, np.log([run["seconds"] - run["first_fit_seconds"] for run in runs]), 1)[0]
        ),
    }
    print(
        write("streaming", {"data": "simulated", "clock": "processor time", "runs": runs, "log_log_slope": slopes}),
        slopes,
    )


if __name__ == "__main__":
    main()
