"""Outputs are whole or absent, whatever happens while they are written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfecs_lib.errors import DfecsError
from dfecs_lib.files import read_parquet, whole_file, write_parquet
from dfecs_lib.keypoints import make_table, save


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
