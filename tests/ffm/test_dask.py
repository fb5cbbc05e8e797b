"""Dask with a real scheduler and real workers, each a process of its own: the commands, the library, the book's page.

All in one file, since one cluster serves all of it.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfecs_lib import __version__
from dfecs_lib.cli.cluster import on_dask
from dfecs_lib.cli.main import main
from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.ffm.selection import select_n_units

from .conftest import motion_of

pytest.importorskip("distributed")
pytestmark = [
    # Dask's own shutting down of sockets and event loops.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed", "ignore::UserWarning:distributed"),
]


Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def dfecs(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Run a command in this process and a folder of its own; the exit code, and what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def refused(result: tuple[int, str, str], *words: str) -> None:
    code, out, err = result
    assert (code, out) == (2, ""), (code, out, err)
    assert err.startswith("dfecs: ")
    assert err.count("\n") == 1, err
    for word in words:
        assert word in err


class Cluster:
    """A scheduler of its own process on a free port, and workers."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "scheduler.json"
        self.running: list[subprocess.Popen[bytes]] = []
        self.start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0")
        self.wait(self.written)

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

    def written(self) -> bool:
        """Whether the scheduler has told its address: its file is there before there is anything in it."""
        return self.file.exists() and bool(self.file.read_text().rstrip().endswith("}"))

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


def test_train_on_a_cluster_gives_the_same_model(cluster: Cluster, samples: Path, tmp_path: Path, dfecs: Say) -> None:
    before = done_by_workers(cluster)
    table = samples / "openface_sample.csv"
    words = ("train", table, "--n-units", 4, "--part-variance", 0.9, "-o")
    here = dfecs(*words, "here.npz", "--jobs", 2)
    there = dfecs(*words, "there.npz", "--dask", cluster.address)
    assert (there[0], there[2]) == (0, "")
    assert there[1] == here[1]
    assert arrays(tmp_path / "here.npz") == arrays(tmp_path / "there.npz")
    after = done_by_workers(cluster)
    assert len(after) == 2
    for worker, keys in after.items():
        assert any("fit_part" in key for key in keys - before[worker]), keys


@pytest.mark.filterwarnings("default:1 of 2 left out")
def test_track_on_a_cluster_gives_the_same_table(cluster: Cluster, samples: Path, tmp_path: Path, dfecs: Say) -> None:
    pytest.importorskip("dlib")
    from PIL import Image

    from dfecs_lib.tracking import open_media

    frame = next(open_media(samples / "single_face.mp4").frames())
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(frame).save(tmp_path / name / "0.png")
    here = dfecs("track", "a", "b", "-o", "here.parquet", "--no-cache")
    there = dfecs("track", "a", "b", "-o", "there.parquet", "--cache", "kept", "--dask", cluster.address)
    assert (there[0], there[2]) == (0, "")
    assert there[1] == here[1]
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "there.parquet"), pd.read_parquet(tmp_path / "here.parquet")
    )
    done = done_by_workers(cluster)
    assert any("track_one" in key for keys in done.values() for key in keys), (done, cluster.log())
    assert len(list((tmp_path / "kept").glob("*.parquet"))) >= 1
    code, _, err = dfecs("track", "a", "none.mp4", "-o", "t.parquet", "--dask", cluster.address)
    assert code == 0
    assert "none.mp4: no such file" in err


def test_where_no_scheduler_answers(samples: Path, tmp_path: Path, dfecs: Say) -> None:
    words = ("train", samples / "openface_sample.csv", "-o", "u.npz", "--dask")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        refused(dfecs(*words, f"tcp://127.0.0.1:{port}"), str(port), "no Dask scheduler answers")
    refused(dfecs(*words, f"127.0.0.1:{port}"), str(port), "no Dask scheduler answers")
    (tmp_path / "scheduler.json").write_text("no scheduler's")
    refused(dfecs(*words, "scheduler.json"), "scheduler.json", "not a scheduler file")
    assert not (tmp_path / "u.npz").exists()


def test_a_cluster_without_workers_or_with_others(bare: Cluster, samples: Path, tmp_path: Path, dfecs: Say) -> None:
    words = ("train", samples / "openface_sample.csv", "-o", "u.npz", "--dask", bare.address)
    refused(dfecs(*words), bare.address, "has no workers", "dask worker")
    (tmp_path / "old" / "dfecs_lib").mkdir(parents=True)
    (tmp_path / "old" / "dfecs_lib" / "__init__.py").write_text('__version__ = "0.0.1"\n')
    bare.work(PYTHONPATH=str(tmp_path / "old"))
    bare.wait(lambda: "Registered to" in bare.log())
    at = re.search(r"Start worker at: +(\S+)", bare.log())
    assert at is not None
    refused(dfecs(*words[:-1], at[1]), "a Dask worker answers there, not the scheduler")
    refused(dfecs(*words), "1 of 1 Dask workers", f"dfecs_lib {__version__}", "has 0.0.1", "same version")


def test_a_process_of_its_own_takes_the_scheduler_file_as_address(
    cluster: Cluster, samples: Path, tmp_path: Path
) -> None:
    words = ["train", str(samples / "openface_sample.csv"), "--n-units", "2", "--part-variance", "0.8", "-o", "u.npz"]
    command = [sys.executable, "-m", "dfecs_lib.cli", *words, "--dask", str(cluster.file), "--progress"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 units explain")
    assert done.stderr.endswith("learning units from 100 frames\n")


def test_without_the_package_it_is_said_what_to_install(
    samples: Path, dfecs: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    words = ("train", samples / "openface_sample.csv", "-o", "u.npz", "--dask", "tcp://127.0.0.1:8786")
    refused(dfecs(*words), "pip install 'dask[distributed]'")


def test_search_and_selection_give_the_same_bytes(cluster: Cluster) -> None:
    motion: pd.DataFrame = motion_of(240, n_units=4, noise=0.3)
    subject = np.repeat(list("abcd"), 60)
    model = FullFaceModel(n_units=3, part_variance=0.9, encoder="direct")
    here = model.fit(motion).components_
    chosen = select_n_units(motion, [2, 3], groups=subject, model=model, n_resamples=2)
    before = {worker: len(keys) for worker, keys in done_by_workers(cluster).items()}
    with on_dask(cluster.address):
        there = FullFaceModel(**model.get_params()).fit(motion).components_
        also = select_n_units(motion, [2, 3], groups=subject, model=model, n_resamples=2)
    assert here.tobytes() == there.tobytes()
    pd.testing.assert_frame_equal(chosen.table, also.table)
    after = done_by_workers(cluster)
    assert all(len(keys) > before[worker] for worker, keys in after.items())


def test_the_code_of_the_book_s_page_runs(cluster: Cluster) -> None:
    page = Path(__file__).parents[2] / "book" / "scale.md"
    code = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)[0]
    motion = motion_of(120, n_units=3, noise=0.3)
    people = motion.reset_index().assign(subject=np.repeat(list("abcd"), 30)).set_index(list(motion.index.names))
    people.attrs = motion.attrs
    space = {"address": cluster.address, "motion": people}
    exec(compile(code, str(page), "exec"), space)
    assert space["model"].components_.shape == (3, 136)
    assert space["found"].n_units in (2, 3)
