"""Seconds and peak memory of chapters at the size of the papers' experiments, on simulated data of those sizes.

What `book/reproduce.md` says of profiles that cannot be run without licensed data: the `paper` profile's parameters,
with simulated datasets of as many frames in the place of the real ones. Reading files is not part of it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time

from _results import write

from dfecs_lib.data.datasets import load_dataset
from dfecs_lib.publishing.runs.apart import run_apart

SETS = ("sim-disfa", "sim-ckplus", "sim-bp4d")
CHAPTERS: dict[str, dict[str, object]] = {
    "07_generalization": {},
    "12_facs": {"n_frames": 10100, "n_test": 200_000},
    "14_tradeoff": {"n_frames": 10100},
}


def measure(chapter: str, size: str) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        parameters = {**CHAPTERS[chapter], "size": size}
        start = time.perf_counter()
        run = run_apart(f"notebooks/{chapter}.ipynb", parameters, runs=folder, threads=2)
        took = time.perf_counter() - start
        noted = json.loads(run.notebook.read_text(encoding="utf-8"))["metadata"]
    return {
        "chapter": chapter,
        "parameters": parameters,
        "seconds": round(noted["papermill"]["duration"], 1),
        "seconds_with_start": round(took, 1),
        "peak_memory_mb": round((noted["dfecs"]["peak_memory"] or 0) / 1e6),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chapters", nargs="*", default=list(CHAPTERS), help=f"of {', '.join(CHAPTERS)}")
    parser.add_argument("--size", default="paper", choices=("small", "medium", "paper"))
    args = parser.parse_args()
    rows = []
    for chapter in args.chapters:
        rows.append(measure(chapter, args.size))
        print(rows[-1], file=sys.stderr, flush=True)
    frames = {name: len(load_dataset(name, size=args.size).keypoints) for name in SETS}
    print(write("book_costs", {"data": "simulated", "size": args.size, "frames": frames, "runs": rows}))


if __name__ == "__main__":
    main()
