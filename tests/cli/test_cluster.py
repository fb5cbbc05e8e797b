"""``--dask`` with a real scheduler and real workers, each a process of its own, and the command another one."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfecs_lib import __version__

pytest.importorskip("distributed")
pytestmark = [
    # Dask's own shutting down of sockets and event loops.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed", "ignore::UserWarning:distributed"),
]


def dfecs(*words: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dfecs_lib.cli", *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, **variables},
    )


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr.startswith("dfecs: ")
    assert done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr


class Cluster:
    """A scheduler of its own process on a free port, and workers."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "scheduler.json"
        self.running: list[subprocess.Popen[bytes]] = []
        self.start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0")
        self.wait(self.file.exists)

    def start(self, module: str, *words: str, **variables: str) -> None:
        command = [sys.executable, "-m", f"distributed.cli.{module}", "--scheduler-file", str(self.file), *words]
        with (self.folder / "log.txt").open("ab") as log:
            self.running.append(
                subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, env={**os.environ, **variables})
            )

    def work(self, **variables: str) -> None:
        self.start("dask_worker", "--nthreads", "1", "--no-nanny", "--no-dashboard", **variables)

    def wait(self, ready) -> None:
        deadline = time.monotonic() + 120
        while not ready():
            assert time.monotonic() < deadline, (self.folder / "log.txt").read_text()
            try:
                self.running[-1].wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError((self.folder / "log.txt").read_text())

    @property
    def address(self) -> str:
        return json.loads(self.file.read_text())["address"]

    def log(self) -> str:
        return (self.folder / "log.txt").read_text()

    def close(self) -> None:
        for process in reversed(self.running):
            process.kill()  # asked to end, a worker first waits for its scheduler
            process.wait(30)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    started = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        started.work()
        started.work()
        yield started
    finally:
        started.close()


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Cluster]:
    (tmp_path / "bare").mkdir()
    started = Cluster(tmp_path / "bare")
    try:
        yield started
    finally:
        started.close()


def done_by_workers(cluster: Cluster) -> dict[str, set[str]]:
    """Which functions each worker has run."""
    from distributed import Client

    def ran(dask_worker) -> list[str]:
        return [str(event[0]) for event in dask_worker.state.log]

    with Client(cluster.address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
        return {worker: set(keys) for worker, keys in client.run(ran).items()}


def arrays(path: Path) -> dict[str, bytes]:
    with np.load(path) as found:
        return {name: found[name].tobytes() for name in found.files if name != "header_json"}


def test_train_on_a_cluster_gives_the_same_model(cluster: Cluster, samples: Path, tmp_path: Path) -> None:
    before = done_by_workers(cluster)
    table = samples / "openface_sample.csv"
    words = ("train", table, "--n-units", 4, "--part-variance", 0.9, "-o")
    here = dfecs(*words, "here.npz", "--jobs", 2, cwd=tmp_path)
    there = dfecs(*words, "there.npz", "--dask", cluster.address, cwd=tmp_path)
    assert (there.returncode, there.stderr) == (0, "")
    assert there.stdout == here.stdout
    assert arrays(tmp_path / "here.npz") == arrays(tmp_path / "there.npz")
    after = done_by_workers(cluster)
    assert len(after) == 2
    for worker, keys in after.items():
        assert any("fit_part" in key for key in keys - before[worker]), keys


def test_the_scheduler_file_serves_as_address(cluster: Cluster, samples: Path, tmp_path: Path) -> None:
    words = ("train", samples / "openface_sample.csv", "--n-units", 2, "--part-variance", 0.8, "-o", "u.npz")
    done = dfecs(*words, "--dask", cluster.file, "--progress", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "learning units from 100 frames\n"


def test_track_on_a_cluster_gives_the_same_table(cluster: Cluster, samples: Path, tmp_path: Path) -> None:
    pytest.importorskip("dlib")
    from PIL import Image

    from dfecs_lib.tracking import open_media

    frame = next(open_media(samples / "single_face.mp4").frames())
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(frame).save(tmp_path / name / "0.png")
    here = dfecs("track", "a", "b", "-o", "here.parquet", "--no-cache", cwd=tmp_path)
    there = dfecs("track", "a", "b", "-o", "there.parquet", "--cache", "kept", "--dask", cluster.address, cwd=tmp_path)
    assert (there.returncode, there.stderr) == (0, "")
    assert there.stdout == here.stdout
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "there.parquet"), pd.read_parquet(tmp_path / "here.parquet")
    )
    assert any("track_one" in key for keys in done_by_workers(cluster).values() for key in keys)
    assert len(list((tmp_path / "kept").glob("*.parquet"))) >= 1
    absent = dfecs("track", "a", "none.mp4", "-o", "t.parquet", "--dask", cluster.address, cwd=tmp_path)
    refused(absent, "none.mp4")


def test_where_no_scheduler_answers(samples: Path, tmp_path: Path) -> None:
    words = ("train", samples / "openface_sample.csv", "-o", "u.npz", "--dask")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        refused(dfecs(*words, f"tcp://127.0.0.1:{port}", cwd=tmp_path), str(port), "no Dask scheduler answers")
    refused(dfecs(*words, f"127.0.0.1:{port}", cwd=tmp_path), str(port), "no Dask scheduler answers")
    (tmp_path / "scheduler.json").write_text("no scheduler's")
    refused(dfecs(*words, "scheduler.json", cwd=tmp_path), "scheduler.json", "not a scheduler file")
    assert not (tmp_path / "u.npz").exists()


def test_a_cluster_without_workers_or_with_others(bare: Cluster, samples: Path, tmp_path: Path) -> None:
    words = ("train", samples / "openface_sample.csv", "-o", "u.npz", "--dask", bare.address)
    refused(dfecs(*words, cwd=tmp_path), bare.address, "has no workers", "dask worker")
    (tmp_path / "old" / "dfecs_lib").mkdir(parents=True)
    (tmp_path / "old" / "dfecs_lib" / "__init__.py").write_text('__version__ = "0.0.1"\n')
    bare.work(PYTHONPATH=str(tmp_path / "old"))
    bare.wait(lambda: "Registered to" in bare.log())
    at = re.search(r"Start worker at: +(\S+)", bare.log())
    assert at is not None
    refused(dfecs(*words[:-1], at[1], cwd=tmp_path), "a Dask worker answers there, not the scheduler")
    refused(dfecs(*words, cwd=tmp_path), "1 of 1 Dask workers", f"dfecs_lib {__version__}", "has 0.0.1", "same version")


def test_without_the_package_it_is_said_what_to_install(samples: Path, tmp_path: Path) -> None:
    (tmp_path / "distributed.py").write_text("raise ImportError('not here')\n")
    words = ("train", samples / "openface_sample.csv", "-o", "u.npz", "--dask", "tcp://127.0.0.1:8786")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    refused(dfecs(*words, cwd=tmp_path, PYTHONPATH=path), "pip install 'dask[distributed]'")
