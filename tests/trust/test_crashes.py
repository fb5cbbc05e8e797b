"""Killed at any step, a full disc, a place that may not be written, two at once: files are whole or not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from killed import FINAL, JOBS, MOTION, SLOW

import dfecs_lib
from dfecs_lib.errors import DfecsError
from dfecs_lib.files import whole_file, write_csv

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX")


FAST = [job for job in JOBS if job not in SLOW]
Ended = dict[str, Any]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("crashes")


@pytest.fixture(scope="module")
def ended(place: Path) -> list[Ended]:
    """How every job ended that `killed.py` killed, or let be."""
    here = Path(__file__).parent
    paths = [str(Path(dfecs_lib.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, str(here / "killed.py"), str(place)],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def of(ended: list[Ended], job: str, *modes: str) -> list[Ended]:
    found = [
        one for one in ended if one["job"] == job and one["mode"] in modes and (one["moment"] or modes != ("step",))
    ]
    assert found
    return found


@pytest.mark.parametrize("job", FAST)
def test_a_killed_process_leaves_nothing_partial_under_a_final_name(job: str, ended: list[Ended], place: Path) -> None:
    name = FINAL[job]
    wanted = (place / f"{job}-step-0" / name).read_bytes()
    for one in of(ended, job, "step", "byte"):
        here = place / one["folder"]
        assert (one["code"] < 0) == (one["moment"] > 0)  # by a signal
        if name in left(here):
            assert (here / name).read_bytes() == wanted
        assert all(other.startswith(f".{name}.") for other in left(here) - {name})


@pytest.mark.parametrize("job", FAST)
def test_the_next_run_completes_with_the_same_bytes(job: str, ended: list[Ended], place: Path) -> None:
    wanted = (place / f"{job}-step-0" / FINAL[job]).read_bytes()
    for one in of(ended, job, "again"):
        assert (one["code"], one["said"]) == (0, "")
        assert (place / one["folder"] / FINAL[job]).read_bytes() == wanted


@pytest.mark.parametrize("job", FAST)
def test_a_full_disc_is_one_sentence_and_leaves_nothing(job: str, ended: list[Ended], place: Path) -> None:
    (one,) = of(ended, job, "full")
    assert one["code"] == 0
    assert f"{place / one['folder'] / FINAL[job]}: cannot be written (" in one["said"]
    assert "File too large" in one["said"]
    assert "\n" not in one["said"]
    assert left(place / one["folder"]) == set()


@pytest.mark.parametrize("job", [job for job in FAST if job != "train"])
def test_processes_that_save_one_file_at_once(job: str, ended: list[Ended], place: Path) -> None:
    """Each works on a name of its own, so that the last one's file stands, and is whole."""
    together = of(ended, job, "together")
    assert [(one["code"], one["said"]) for one in together] == [(0, "")] * 3
    assert left(place / f"{job}-together-0") == {FINAL[job]}
    wanted = (place / f"{job}-step-0" / FINAL[job]).read_bytes()
    assert (place / f"{job}-together-0" / FINAL[job]).read_bytes() == wanted


def whole_things(files: dict[str, str]) -> dict[str, dict[str, str]]:
    """Files by what appears whole or not at all: a book's pages, each of its runs; all that another command makes."""
    things: dict[str, dict[str, str]] = {}
    for name, content in files.items():
        of_book = name.startswith(("site/", "runs/"))
        things.setdefault("/".join(name.split("/")[:3]) if of_book else "", {})[name] = content
    return things


@pytest.mark.parametrize("job", SLOW)
def test_a_killed_command_leaves_all_of_its_result_or_nothing_and_can_be_run_again(
    job: str, ended: list[Ended], place: Path
) -> None:
    alone, *killed = [one for one in ended if one["job"] == job and one["mode"] in ("step", "time")]
    assert (alone["moment"], alone["code"]) == (0, 0)
    assert next((place / alone["folder"]).glob(FINAL[job])).is_file()
    assert killed
    wanted = whole_things(alone["left"])
    for one in killed:
        assert one["code"] < 0 or one["mode"] == "time"  # it may have ended before that moment
        for thing, files in whole_things(one["left"]).items():
            assert files == wanted[thing]
    again = of(ended, job, "again")
    assert len(again) == len(killed)
    assert [(one["code"], one["said"]) for one in again] == [(0, "")] * len(killed)
    assert all(one["left"] == alone["left"] for one in again)


def test_what_a_killed_process_left_is_cleared_away_a_day_later(tmp_path: Path) -> None:
    partial = tmp_path / ".table.csv.1-1.part"
    partial.write_text("half of the n")
    write_csv(MOTION, tmp_path / "table.csv")
    assert partial.exists()  # it may be of a process that is still at work
    os.utime(partial, (0, 0))
    write_csv(MOTION, tmp_path / "table.csv")
    assert left(tmp_path) == {"table.csv"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
@pytest.mark.parametrize("job", ["csv", "model"])
def test_a_place_that_may_not_be_written(job: str, tmp_path: Path) -> None:
    place = tmp_path / "locked"
    place.mkdir()
    place.chmod(0o500)
    with pytest.raises(DfecsError, match=r"locked.*: cannot be written \(Permission denied\)"):
        JOBS[job](place)
    assert left(place) == set()


def test_two_that_write_at_once_do_not_meet(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a.txt") as outer:
        outer.write_text("outer")
        with ThreadPoolExecutor(1) as pool:
            pool.submit(_write, tmp_path / "a.txt").result()
        assert (tmp_path / "a.txt").read_text() == "inner"
    assert (tmp_path / "a.txt").read_text() == "outer"
    assert left(tmp_path) == {"a.txt"}


def _write(path: Path) -> None:
    with whole_file(path) as partial:
        partial.write_text("inner")
