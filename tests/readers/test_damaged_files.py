"""Damaged files of every kind: only `DfecsError` leaves, in one sentence, and what is read adds up."""

from __future__ import annotations

import gzip
import io
import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import pytest
import scipy.io
from damaging import CASES, damage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tracker_tables import faces, openface_frame, plain_frame, pyfeat_frame

from dfecs_lib import keypoints
from dfecs_lib.data.readers import (
    bp4d,
    ckplus,
    disfa,
    exemplars,
    read_account,
    read_action_units,
    read_keypoints,
    read_tracks,
)
from dfecs_lib.data.readers.error_log import read_error_log
from dfecs_lib.data.readers.registry import DatasetReader
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints.labels import side_table
from dfecs_lib.keypoints.plausible import LARGEST_COORDINATE

FACES = faces(9)


def csv(table) -> bytes:
    return table.to_csv(index=False).encode()


def parquet(save: Callable[[Path], None]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder) / "a.parquet")
        return (Path(folder) / "a.parquet").read_bytes()


def text(points: np.ndarray, separator: str) -> bytes:
    return "".join(f"{x}{separator}{y}\n" for x, y in points).encode()


def mat(points: np.ndarray) -> bytes:
    stream = io.BytesIO()
    scipy.io.savemat(stream, {"pts": points})
    return stream.getvalue()


def npy() -> bytes:
    stream = io.BytesIO()
    np.save(stream, FACES)
    return stream.getvalue()


def kept_in(save: Callable[[io.BytesIO], None]) -> bytes:
    stream = io.BytesIO()
    save(stream)
    return stream.getvalue()


def long() -> pd.DataFrame:
    t, k = np.divmod(np.arange(9 * 68), 68)
    return pd.DataFrame({"frame": t, "landmark": k, "x": FACES[t, k, 0], "y": FACES[t, k, 1], "time": t / 25})


def deeplabcut() -> bytes:
    levels = [("DLC", f"p{k}", axis) for k in range(68) for axis in ("x", "y", "likelihood")]
    values = np.concatenate([FACES, np.full((9, 68, 1), 0.9)], axis=2).reshape(9, -1)
    columns = pd.MultiIndex.from_tuples(levels, names=["scorer", "bodyparts", "coords"])
    return pd.DataFrame(values, columns=columns).to_csv().encode()


def own_table() -> bytes:
    history = [{"operation": "read", "source": "openface", "file": "a.csv", "frames": 9, "failed": 0, "faces": [0]}]
    table = keypoints.make_table(FACES, scheme="ibug68", frames=range(9), history=history)
    return parquet(lambda path: keypoints.save(table, path))


def own_units() -> bytes:
    index = keypoints.make_table(FACES, scheme="ibug68", frames=range(9)).index
    units = side_table({"AU01": np.arange(9.0) / 2}, index, unit="intensity 0-5", history=[])
    return parquet(units.to_parquet)


WHOLE: dict[str, bytes] = {
    "openface.csv": csv(openface_frame(FACES)),
    "openface_quoted.csv": openface_frame(FACES).to_csv(index=False, quoting=1).encode(),
    "pyfeat.csv": csv(pyfeat_frame(FACES)),
    "plain.csv": csv(plain_frame(FACES)),
    "excel.csv": plain_frame(FACES).to_csv(sep=";", decimal=",", index=False).encode("utf-16"),
    "packed.csv.gz": gzip.compress(csv(plain_frame(FACES)), mtime=0),
    "other.parquet": parquet(lambda path: openface_frame(FACES).to_parquet(path)),
    "own.parquet": own_table(),
    "units.parquet": own_units(),
    "array.npy": npy(),
    "array.npz": kept_in(lambda stream: np.savez(stream, points=FACES, fps=25.0)),
    "array.mat": mat(FACES),
    "long.csv": csv(long()),
    "deeplabcut.csv": deeplabcut(),
    "clock.csv": csv(plain_frame(FACES).assign(time=[f"00:00:0{k}.5" for k in range(9)])),
    "numbers.csv": "\n".join(",".join(map(str, face.ravel())) for face in FACES).encode(),
    "table.feather": kept_in(plain_frame(FACES).to_feather),
    "table.json": openface_frame(FACES).to_json(orient="records").encode(),
    "faces.json": json.dumps([{"landmarks": face.tolist()} for face in FACES]).encode(),
    "one.pts": f"version: 1\nn_points: 68\n{{\n{text(FACES[0], ' ').decode()}}}\n".encode(),
}

Outcome = TypeVar("Outcome")


def attempt(read: Callable[[], Outcome]) -> tuple[Outcome | None, str]:
    """What comes out, or the sentence that it is refused with."""
    try:
        return read(), ""
    except DfecsError as error:
        return None, str(error)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


@pytest.mark.parametrize("name", WHOLE)
def test_whole_files_are_read(place: Path, name: str) -> None:
    path = place / name
    path.write_bytes(WHOLE[name])
    tracks = read_tracks(path)
    assert tracks.report.frames == (1 if name == "one.pts" else 9)
    assert tracks.report.failed == 0


@pytest.mark.parametrize("name", WHOLE)
@settings(max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_damaged_files_are_read_or_refused(place: Path, name: str, seed: int) -> None:
    path = place / name
    path.write_bytes(damage(WHOLE[name], random.Random(seed)))
    tracks, refusal = attempt(lambda: read_tracks(path))
    if tracks is None:
        assert "\n" not in refusal
        assert str(path) in refusal
        assert len(refusal) < 2000
        return
    report, table = tracks.report, tracks.keypoints
    assert report.lines == report.lines_used + sum(count for _, count in report.set_aside)
    assert report.frames == len(tracks.action_units if tracks.action_units is not None else table)
    if not len(table.columns):
        return
    keypoints.validate(table)
    assert not (np.abs(table.to_numpy()) > LARGEST_COORDINATE).any()
    assert report.failed == int(table.isna().all(axis=1).sum())
    for beside in (tracks.action_units, tracks.pose, tracks.time, tracks.confidence):
        assert beside is None or beside.index.equals(table.index)
    assert all("\n" not in sentence for sentence in [*report.sentences(), *read_account(table)])


# --- datasets' folders ----------------------------------------------------------------------------------------------


BP4D = FACES[0][[k for k in range(17, 68) if k not in (60, 64)]]
DISFA = FACES[0][[k for k in range(68) if k not in (60, 64)]]
FOLDERS: dict[str, tuple[DatasetReader, dict[str, bytes]]] = {
    "disfa": (
        disfa.READER,
        {
            **{f"Landmark_Points/SN001/tmp/SN001_{k}_lm.mat": mat(DISFA) for k in (1, 2)},
            "ActionUnit_Labels/SN001/SN001_au1.txt": b"1,0\n2,3\n",
            "Error_LOG_Sheet.csv": b"Subject,Start,End\nSN001,7,9\n",
        },
    ),
    "ckplus": (
        ckplus.READER,
        {
            **{f"Landmarks/S005/001/S005_001_0000000{k}_landmarks.txt": text(FACES[k], "   ") for k in (1, 2)},
            "FACS/S005/001/S005_001_00000002_facs.txt": b"   6.0e+00   3.0e+00\n",
        },
    ),
    "bp4d": (
        bp4d.READER,
        {
            **{f"2DFeatures/F001/F001/T1/{k:03d}.txt": text(BP4D, ",") for k in (1, 2)},
            "AUCoding/AU_OCC/F001_T1.csv": b"0,1,2\n1,0,1\n2,1,9\n",
        },
    ),
    "facs-exemplars": (exemplars.READER, {f"{name}.txt": text(FACES[0], " ") for name in ("s0", "s1", "s1+2")}),
}


@pytest.mark.parametrize("name", FOLDERS)
@settings(max_examples=max(CASES // 4, 20), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_damaged_datasets_are_read_or_refused(name: str, seed: int) -> None:
    rng = random.Random(seed)
    reader, files = FOLDERS[name]
    spoilt = rng.choice(sorted(files))
    with tempfile.TemporaryDirectory() as folder:
        for file, content in files.items():
            overlong = file == spoilt and rng.random() < 0.2
            renamed = file.replace("2", "9" * rng.choice([5, 20, 120])) if overlong else file
            path = Path(folder, renamed)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(damage(content, rng) if file == spoilt else content)
        readings, refusal = attempt(lambda: reader.read(Path(folder), name=name, progress=False, n_jobs=1))
    if readings is None:
        assert "\n" not in refusal
        return
    keypoints.validate(readings.keypoints)
    assert not (np.abs(readings.keypoints.to_numpy()) > LARGEST_COORDINATE).any()
    assert readings.report.frames == len(readings.keypoints)


@pytest.mark.parametrize("line", ["1e400,1", "inf,2", "nan,2", "1e300,2", "1,inf"])
def test_labels_of_impossible_frames_are_named(tmp_path: Path, line: str) -> None:
    reader, files = FOLDERS["disfa"]
    for file, content in files.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"1,0\n{line}\n".encode() if "au1" in file else content)
    readings = reader.read(tmp_path, name="disfa", progress=False, n_jobs=1)
    named = [name for name, _ in readings.report.unreadable]
    assert named == ([] if line == "1,inf" else ["ActionUnit_Labels/SN001/SN001_au1.txt"])


def test_a_range_longer_than_any_film_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Error_LOG_Sheet.csv"
    path.write_text("SN001,1,999999999\n")
    with pytest.raises(DfecsError, match="longer than any film"):
        read_error_log(path)


@pytest.mark.parametrize("history", [[1.5], "words", [{"operation": "read", "failed": 0, "faces": 7}], [None]])
def test_strange_histories_are_refused_or_borne(tmp_path: Path, history: object) -> None:
    table = keypoints.make_table(FACES, scheme="ibug68", frames=range(9))
    table.attrs["history"] = history
    table.to_parquet(tmp_path / "a.parquet")
    read, refusal = attempt(lambda: read_tracks(tmp_path / "a.parquet"))
    assert (read is None) == ("history" in refusal)
    if read is not None:
        assert all(isinstance(sentence, str) for sentence in read_account(read.keypoints))


def test_units_are_not_points(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(WHOLE["units.parquet"])
    assert len(read_action_units(tmp_path / "a.parquet")) == 9
    with pytest.raises(DfecsError, match="it holds action units and no points"):
        read_keypoints(tmp_path / "a.parquet")
