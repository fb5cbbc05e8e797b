"""Much data at once: a large training table, a day of film chunk by chunk, thousands of recordings in one folder.

    python benchmarks/load.py [--frames 108000] [--hours 24] [--files 5000]

Each part runs in a process of its own, whose wall time, processor time and peak resident memory are reported. Faces are
simulated (``sim-disfa``'s people), repeated with fresh tracker noise of 0.5 px. The day is read from Parquet, a chunk
of 20,000 frames at a time, measured from one resting face, encoded, and written chunk by chunk. Writes dated JSON.
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
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from _results import write

from dfecs_lib import load, load_dataset, prepare
from dfecs_lib.ffm import load_model
from dfecs_lib.keypoints import make_table, save
from dfecs_lib.preprocessing import preparation
from dfecs_lib.workflow import encode, train

CHUNK, RATE, NOISE = 20_000, 30, 0.5


def faces() -> pd.DataFrame:
    """Simulated people in the 68-point scheme, complete frames."""
    return load_dataset("sim-ckplus", size="small", progress=False).keypoints.dropna()


def noisy(base: pd.DataFrame, frames: int, first: int, recording: str = "day") -> pd.DataFrame:
    """Frames in turn, each time with other noise."""
    rng = np.random.default_rng(first)
    values = base.to_numpy()[np.arange(first, first + frames) % len(base)]
    values = values + rng.normal(scale=NOISE, size=values.shape)
    return make_table(values, scheme=base.attrs["scheme"], frames=range(first, first + frames), recording=recording)


def train_many(folder: Path, frames: int) -> dict[str, object]:
    save(noisy(faces(), frames, 0), folder / "many.parquet")
    start = time.perf_counter()
    model = train(folder / "many.parquet")
    return {
        "frames": frames,
        "train_seconds": time.perf_counter() - start,
        "units": len(model.components_),
        "variance_explained": model.variance_explained_,
    }


def a_day(folder: Path, hours: float) -> dict[str, object]:
    total, base = int(hours * 3600 * RATE), faces()
    train(_saved(folder / "few.parquet", noisy(base, 3000, 0)), n_units=16).save(folder / "units.npz")
    model = load_model(folder / "units.npz")
    source = folder / "day.parquet"
    writer = None
    for first in range(0, total, CHUNK):
        chunk = pa.Table.from_pandas(noisy(base, min(CHUNK, total - first), first).astype(np.float32))
        writer = writer or pq.ParquetWriter(source, chunk.schema)
        writer.write_table(chunk, row_group_size=CHUNK)
    assert writer is not None
    writer.close()
    start, done, out = time.perf_counter(), 0, None
    whole = pq.ParquetFile(source)
    rest = None
    for group in range(whole.num_row_groups):
        table = whole.read_row_group(group).to_pandas().astype(np.float64)
        table.attrs = {"scheme": base.attrs["scheme"], "history": []}
        if rest is None:  # the day's resting face is chosen in its first chunk
            rest = table.loc[preparation(table).neutral.index]
            rest.attrs = table.attrs
        codes = model.transform(prepare(table, neutral=rest))
        rows = pa.Table.from_pandas(codes.astype(np.float32))
        out = out or pq.ParquetWriter(folder / "codes.parquet", rows.schema)
        out.write_table(rows)
        done += len(codes)
    assert out is not None
    out.close()
    seconds = time.perf_counter() - start
    return {"hours": hours, "frames": done, "prepare_and_encode_seconds": seconds, "frames_per_second": done / seconds}


def _saved(path: Path, table: pd.DataFrame) -> Path:
    save(table, path)
    return path


def many_files(folder: Path, files: int) -> dict[str, object]:
    base, place = faces(), folder / "tables"
    place.mkdir()
    for k in range(files):
        table = noisy(base, 20, 20 * k).reset_index(drop=True)
        table.round(2).assign(frame=range(20)).to_csv(place / f"P{k % 50:02d}_{k:05d}.csv", index=False)
    start = time.perf_counter()
    data = load(place, names="{subject}_{recording}")
    read = time.perf_counter() - start
    model = train(_saved(folder / "few.parquet", noisy(base, 3000, 0)), n_units=8)
    start = time.perf_counter()
    codes = encode(model, place, names="{subject}_{recording}")
    return {
        "files": files,
        "frames": len(data.keypoints),
        "read_seconds": read,
        "encode_seconds": time.perf_counter() - start,
        "codes": len(codes),
    }


PARTS = {"train": train_many, "day": a_day, "files": many_files}


def measured(part: str, amount: float) -> dict[str, object]:
    """Run a part in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--part", part, "--amount", str(amount)], capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=108_000)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--amount", type=float)
    given = parser.parse_args()
    if given.part:
        amount = given.amount if given.part == "day" else int(given.amount)
        with tempfile.TemporaryDirectory() as folder:
            result = PARTS[given.part](Path(folder), amount)
        used = resource.getrusage(resource.RUSAGE_SELF)
        result |= {"processor_seconds": used.ru_utime + used.ru_stime, "peak_gigabytes": used.ru_maxrss / 1e6}
        print(json.dumps(result))
        return
    parts = [measured("train", given.frames)] if given.frames else []
    parts += [measured("day", given.hours)] if given.hours else []
    parts += [measured("files", count) for count in (given.files // 4, given.files // 2, given.files) if count]
    print(write("load", {"data": "simulated", "parts": parts}))


if __name__ == "__main__":
    main()
