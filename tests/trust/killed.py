"""Kill a process at a step of its work on a folder, at a byte of a file, at a moment, or let the disc be full there.

Run as a program, ``killed.py FOLDER``: imports once, then forks a child for each job and moment. One JSON line each
says how it ended. Nothing waits: moments are counted; only a book, whose work other processes do, is killed at random
times as well.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import io
import json
import os
import random
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import nbformat
import numpy as np
import yaml

from dfecs_lib import keypoints
from dfecs_lib.anatomy.head import load_head
from dfecs_lib.baselines import PCAUnits
from dfecs_lib.cli.main import main
from dfecs_lib.data import fetching
from dfecs_lib.data.manifest import load_manifest
from dfecs_lib.errors import DfecsError
from dfecs_lib.files import write_table
from dfecs_lib.publishing.book import build_book
from dfecs_lib.publishing.runs import run_notebook

MOTION = keypoints.make_table(
    np.random.default_rng(0).normal(size=(60, 3)) @ np.random.default_rng(1).normal(size=(3, 136)) * 3,
    scheme="ibug68",
    frames=range(60),
)
#: The file that stands when a job has ended.
FINAL = {
    "csv": "table.csv",
    "parquet": "table.parquet",
    "model": "units.npz",
    "train": "units.npz",
    "track": "faces.parquet",
    "fetch": "mine/points.npy",
    "run": "count/*/results/n.txt",
    "book": "site/demo/html/index.html",
}
#: Commands that are only killed and, each time, run again; how often, at random moments, `DFECS_KILLS` says.
SLOW = ("track", "fetch", "run", "book")
KILLS = int(os.environ.get("DFECS_KILLS", "3"))


def table(folder: Path) -> None:
    write_table(MOTION, folder / FINAL["csv"])


def parquet(folder: Path) -> None:
    write_table(MOTION, folder / FINAL["parquet"])


def model(folder: Path) -> None:
    PCAUnits(3).fit(MOTION).save(folder / FINAL["model"])


def train(folder: Path) -> None:
    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        code = main(
            ["train", str(folder.parent / "faces.parquet"), "-o", str(folder / FINAL["train"]), "--n-units", "2"]
        )
    if code:
        raise DfecsError(said.getvalue().strip())


def track(folder: Path) -> None:
    words = ["track", str(folder.parent / "film.mp4"), "-o", str(folder / FINAL["track"])]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        main([*words, "--cache", f"{folder}-cache"])  # begins as the folder's name does: its steps count, too


def fetch(folder: Path) -> None:
    entry = load_manifest(folder.parent / "manifest.yaml")["mine"]
    fetching.fetch(replace(entry, path=folder / "mine"), progress=False)


def run(folder: Path) -> None:
    run_notebook(folder.parent / "count.ipynb", runs=folder, threads=1)


def book(folder: Path) -> None:
    build_book("demo", root=folder.parent / "small", out=folder / "site", runs=folder / "runs")


JOBS: dict[str, Callable[[Path], None]] = {"csv": table, "parquet": parquet, "model": model, "train": train}
JOBS |= {"track": track, "fetch": fetch, "run": run, "book": book}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def write_notebook(path: Path) -> None:
    """A notebook that writes a result."""
    title = nbformat.v4.new_markdown_cell("# Counting")
    parameters = nbformat.v4.new_code_cell("results_dir = ''", metadata={"tags": ["parameters"]})
    body = nbformat.v4.new_code_cell("import pathlib\npathlib.Path(results_dir, 'n.txt').write_text('5' * 3000)")
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[title, parameters, body], metadata=kernel), path)


def stage_book(root: Path) -> None:
    """A book of two notebooks."""
    for folder in ("book", "notebooks"):
        (root / folder).mkdir(parents=True)
    config = "title: Small\nonly_build_toc_files: true\nexecute: {execute_notebooks: 'off'}\n"
    (root / "book" / "_config.yml").write_text(config)
    toc = "format: jb-book\nroot: index\nchapters:\n- file: notebooks/one\n- file: notebooks/two\n"
    (root / "book" / "_toc.yml").write_text(toc)
    (root / "book" / "index.md").write_text("# Small\n\nA page.\n")
    (root / "notebooks" / "profiles.yaml").write_text("demo: {notebooks: {one: , two: }}\n")
    for name in ("one", "two"):
        write_notebook(root / "notebooks" / f"{name}.ipynb")


def stage(place: Path) -> http.server.ThreadingHTTPServer:
    """Lay out what jobs work on; the server is to be kept."""
    face = np.repeat(load_head().mean[None, :, :2], 24, axis=0) * 1.2 + 300
    face[:, 48:68, 1] += 6 * np.sin(np.arange(24))[:, None] * (face[:, 48:68, 1] > face[:, 62:63, 1])
    keypoints.save(keypoints.make_table(face, scheme="ibug68", frames=range(24)), place / "faces.parquet")
    with av.open(str(place / "film.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for shade in range(6):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 * shade, dtype=np.uint8))
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    stage_book(place / "small")
    write_notebook(place / "count.ipynb")
    served = place / "served"
    served.mkdir()
    np.save(served / "points.npy", np.arange(60_000))
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(served)))
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    digest = hashlib.sha256((served / "points.npy").read_bytes()).hexdigest()
    source = f"http://127.0.0.1:{httpd.server_port}/points.npy"
    entry = {"title": "t", "kind": "open", "licence": "MIT", "citation": "c", "how": "h", "reader": "array"}
    entry["files"] = [{"name": "points.npy", "sha256": digest, "size": (served / "points.npy").stat().st_size}]
    entry["download"] = {"method": "url", "source": source, "checksum": f"sha256:{digest}"}
    (place / "manifest.yaml").write_text(yaml.safe_dump({"datasets": {"mine": entry}}))
    return httpd


def count_steps(folder: Path, last: int | None) -> Callable[[], int]:
    """Count what is opened, renamed, made and removed in a folder; at step `last` the process is killed."""
    seen = 0

    def look(event: str, args: tuple[object, ...]) -> None:
        nonlocal seen
        if event in ("open", "os.rename", "os.remove", "os.mkdir") and str(args[0]).startswith(str(folder)):
            seen += 1
            if seen == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(look)
    return lambda: seen


def limit(size: int, kill: bool) -> None:
    """No file may grow beyond this: the process is killed there, or is told so as by a full disc."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL if kill else signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def child(job: str, folder: Path, mode: str, moment: int, report: int) -> None:
    steps = count_steps(folder, moment if mode == "step" and moment else None)
    if mode == "time":
        signal.setitimer(signal.ITIMER_REAL, moment / 1000)  # nothing handles its signal: the process ends there
    elif mode != "step":
        limit(moment, kill=mode == "byte")
    said = ""
    try:
        JOBS[job](folder)
    except DfecsError as error:
        said = str(error)
    os.write(report, json.dumps({"steps": steps(), "said": said}).encode())


def start(job: str, here: Path, mode: str, moment: int) -> tuple[int, int]:
    here.mkdir(parents=True, exist_ok=True)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            child(job, here, mode, moment, writing)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    return pid, reading


def visible(folder: Path) -> dict[str, str]:
    """Name and content (hashed) of what lies under final names: of no temporary file, nothing in a temporary folder.

    Notebooks tell when they were run, and the key of a book goes by that: of them, what was run and came out counts.
    """
    found = {}
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for file in (Path(parent, name) for name in files if not name.startswith(".") and not name.endswith(".key")):
            content = file.read_bytes()
            if file.suffix == ".ipynb":
                content = repr([(c["source"], c.get("outputs")) for c in json.loads(content)["cells"]]).encode()
            found[file.relative_to(folder).as_posix()] = hashlib.sha256(content).hexdigest()
    return found


def end(pid: int, reading: int, folder: Path, **what: object) -> dict[str, object]:
    with os.fdopen(reading, "rb") as pipe:
        told = json.loads(pipe.read() or "{}")
    _, status = os.waitpid(pid, 0)
    ended = {**what, "folder": folder.name, "code": os.waitstatus_to_exitcode(status), **told}
    ended["left"] = visible(folder)
    print(json.dumps(ended), flush=True)
    return ended


def everything(job: str, folder: Path) -> None:
    """A run that is left alone, some that are killed, one again, one on a full disc, three at once."""

    def one(mode: str, moment: int) -> dict[str, object]:
        here = folder / f"{job}-{mode}-{moment}"
        return end(*start(job, here, mode, moment), here, job=job, mode=mode, moment=moment)

    def again(mode: str, moment: int) -> None:
        here = folder / f"{job}-{mode}-{moment}"
        end(*start(job, here, "step", 0), here, job=job, mode="again", moment=moment)

    began = time.perf_counter()
    steps = int(str(one("step", 0)["steps"]))
    took = int((time.perf_counter() - began) * 1000)
    rng = random.Random(job)
    if job in SLOW:
        timed = KILLS * 2 // 3 if job == "book" else 0
        moments = [("step", moment) for moment in rng.sample(range(1, steps + 1), min(steps, KILLS - timed))]
        for mode, moment in [*moments, *(("time", moment) for moment in rng.sample(range(1, took), timed))]:
            one(mode, moment)
            again(mode, moment)
        return
    for moment in sorted(rng.sample(range(1, steps + 1), min(steps, 4))):
        one("step", moment)
    size = (folder / f"{job}-step-0" / FINAL[job]).stat().st_size
    for moment in sorted(rng.sample(range(100, size), 3)):
        one("byte", moment)
    again("byte", moment)
    one("full", 700)
    if job != "train":
        here = folder / f"{job}-together-0"
        for pid, reading in [start(job, here, "step", 0) for _ in range(3)]:
            end(pid, reading, here, job=job, mode="together", moment=0)


if __name__ == "__main__":
    place = Path(sys.argv[1])
    server = stage(place)
    for name in JOBS:
        everything(name, place)
