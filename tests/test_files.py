"""Outputs are whole or absent; tables that a spreadsheet may open; YAML that stays as small as it is."""

from __future__ import annotations

import csv
import errno
import io
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfecs_lib import load
from dfecs_lib.data.manifest import load_manifest
from dfecs_lib.data.readers import read_tracks
from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import load_model
from dfecs_lib.files import (
    clear_stale,
    read_numpy,
    read_parquet,
    read_yaml,
    replace_folder,
    whole_file,
    write_parquet,
    write_table,
)
from dfecs_lib.keypoints import make_table, save
from dfecs_lib.preprocessing.linear import load_weights
from dfecs_lib.publishing.runs.parameters import read_notebook
from dfecs_lib.rating.study import load_study
from dfecs_lib.tracking import open_media


def broken(target: Path, error: Exception) -> None:
    with whole_file(target) as partial:
        partial.write_text("half of the n")
        raise error


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "codes.csv"
    target.write_text("old")
    with pytest.raises(KeyError):
        broken(target, KeyError())
    assert [p.name for p in tmp_path.iterdir()] == ["codes.csv"]
    assert target.read_text() == "old"


def test_a_full_disc_is_one_sentence_that_names_the_file(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(DfecsError, match=r"codes\.csv: cannot be written \(No space left on device\)"):
        broken(tmp_path / "new" / "codes.csv", full)
    assert list((tmp_path / "new").iterdir()) == []


def test_a_keypoint_table_that_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    table = make_table(np.zeros((2, 136)), scheme="ibug68", frames=[0, 1])
    (tmp_path / "a-file").write_text("")
    with pytest.raises(DfecsError, match="cannot be written"):
        save(table, tmp_path / "a-file" / "table.parquet")
    assert [p.name for p in tmp_path.iterdir()] == ["a-file"]


def test_parquet_keeps_attrs_and_refuses_what_is_none(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": [1.0]})
    table.attrs = {"unit": "px"}
    write_parquet(table, tmp_path / "t.parquet")
    assert read_parquet(tmp_path / "t.parquet").attrs == {"unit": "px"}
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(DfecsError, match=r"bad\.parquet: not a readable Parquet file"):
        read_parquet(tmp_path / "bad.parquet")
    with pytest.raises(DfecsError, match="no such file"):
        read_parquet(tmp_path / "absent.parquet")


def test_names_that_a_spreadsheet_would_run_stay_text(tmp_path: Path) -> None:
    names = ['=HYPERLINK("http://x")', "@SUM(1)", "+cmd", "-2+3", "\tx", "-1", "+1.5e3", "-", "P01", 3.5]
    index = pd.MultiIndex.from_product([["=d"], names[:-1], [0]], names=["dataset", "subject", "frame"])
    table = pd.DataFrame({"@unit": np.linspace(-1, 1, 9), "note": names[:-1]}, index=index)
    write_table(table, tmp_path / "codes.csv")
    with (tmp_path / "codes.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["dataset", "subject", "frame", "'@unit", "note"]
    expected = ['\'=HYPERLINK("http://x")', "'@SUM(1)", "'+cmd", "'-2+3", "'\tx", "-1", "+1.5e3", "-", "P01"]
    assert [row[1] for row in rows] == [row[4] for row in rows] == expected
    assert {row[0] for row in rows} == {"'=d"}
    assert [float(row[3]) for row in rows] == list(table["@unit"])  # negative numbers are numbers
    assert names[0] in table.index.get_level_values("subject")  # the table itself is left alone
    mixed = pd.DataFrame({"value": pd.Series([names[0], -3.5, None], dtype=object)})
    write_table(mixed, tmp_path / "mixed.csv")
    assert pd.read_csv(tmp_path / "mixed.csv")["value"].fillna("").tolist() == ["'" + names[0], "-3.5", ""]
    write_table(table, tmp_path / "codes.parquet")
    assert pd.read_parquet(tmp_path / "codes.parquet").equals(table)


def test_aliases_in_yaml_are_refused_at_once(tmp_path: Path) -> None:
    bomb = tmp_path / "profiles.yaml"
    lines = [f"a{k + 1}: &a{k + 1} [{', '.join([f'*a{k}'] * 9)}]" for k in range(12)]
    bomb.write_text("\n".join(["a0: &a0 [x, x, x, x]", *lines]))
    with pytest.raises(DfecsError, match=r"profiles\.yaml, line 2: .*alias \*a0 is refused"):
        read_yaml(bomb)
    bomb.write_text("a: &name 1\nb: [true, 2, word]")
    assert read_yaml(bomb) == {"a": 1, "b": [True, 2, "word"]}
    with pytest.raises(DfecsError, match="no such file"):
        read_yaml(tmp_path / "absent.yaml")


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    for name in ("old", "next"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.txt").write_text(name)
    replace_folder(tmp_path / "next", tmp_path / "old")
    assert [p.relative_to(tmp_path).as_posix() for p in sorted(tmp_path.rglob("*"))] == ["old", "old/next.txt"]


def test_several_that_put_a_folder_in_one_place_at_once_leave_one_of_them_whole(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(partial(sys.setswitchinterval, sys.getswitchinterval()))
    sys.setswitchinterval(1e-6)  # the threads take turns within the moves, too
    target, turn = tmp_path / "target", threading.Barrier(8)

    def put(number: int) -> None:
        new = tmp_path / f"new{number}"
        new.mkdir()
        for name in ("a", "b"):
            (new / name).write_text(str(number))
        turn.wait()
        replace_folder(new, target)

    for _ in range(25):
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(put, range(8))) == [None] * 8
        assert (target / "a").read_text() == (target / "b").read_text()
        assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_a_folder_that_cannot_take_its_place_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "old.txt").write_text("old")
    with pytest.raises(FileNotFoundError):
        replace_folder(tmp_path / "not made", tmp_path / "target")
    assert (tmp_path / "target" / "old.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_only_what_has_not_changed_for_a_day_is_cleared_away(tmp_path: Path) -> None:
    old, at_work, kept = tmp_path / ".work.1", tmp_path / ".work.2", tmp_path / "kept.txt"
    for folder in (old, at_work):
        (folder / "results").mkdir(parents=True)
        (folder / "results" / "n.txt").write_text("half of the n")
    (tmp_path / ".work.3").write_text("half of the n")
    (tmp_path / ".work.4").symlink_to(kept)
    kept.write_text("all of it")
    for path in (*old.rglob("*"), old, at_work, tmp_path / ".work.3", tmp_path / ".work.4", kept):
        os.utime(path, (0, 0), follow_symlinks=False)
    clear_stale(tmp_path, ".work.*")  # of the second, a file within is new: somebody writes there
    assert {path.name for path in tmp_path.iterdir()} == {".work.2", "kept.txt"}
    assert (at_work / "results" / "n.txt").exists()
    assert kept.read_text() == "all of it"


def test_nothing_is_under_a_name_that_no_system_holds(tmp_path: Path) -> None:
    name = str(tmp_path / ("a" * 4000))
    for read in (load, read_tracks, load_model, load_study, load_manifest, open_media, read_notebook, load_weights):
        with pytest.raises(DfecsError, match="aaa") as caught:
            read(name)
        assert "\n" not in str(caught.value)


def test_arrays_of_old_and_damaged_files_are_read_or_refused_without_a_warning(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.save(stream, np.arange(6.0).reshape(2, 3))
    whole = stream.getvalue().replace(b"(2, 3), }", b"(2, 3L),}")  # as NumPy on Python 2 wrote it
    assert b"3L" in whole
    (tmp_path / "old.npy").write_bytes(whole)
    np.testing.assert_array_equal(read_numpy(tmp_path / "old.npy"), np.arange(6.0).reshape(2, 3))
    np.savez(tmp_path / "two.npz", a=np.arange(2), b=np.arange(3))
    assert {name: len(array) for name, array in read_numpy(tmp_path / "two.npz").items()} == {"a": 2, "b": 3}
    for k, damaged in enumerate(
        (whole[:90], whole.replace(b"{", b"\n  [", 1), b"\x80\x04N.", whole.replace(b"<f8", b"|O8"))
    ):
        (tmp_path / f"{k}.npy").write_bytes(damaged)
        for read in (read_numpy, load_weights):
            with pytest.raises(DfecsError, match=rf"{k}\.npy: not a readable NumPy array \("):
                read(tmp_path / f"{k}.npy")
    with pytest.raises(DfecsError, match="one array, and this one holds 2"):
        load_weights(tmp_path / "two.npz")
