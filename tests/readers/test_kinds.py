"""Kinds of files that researchers have: the same faces in each, every line accounted for, or one sentence why not."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.io
from tracker_tables import faces, openface_frame, plain_frame

from dfecs_lib import load
from dfecs_lib.data.readers import read_tracks
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import from_points

FACES = faces()
N = len(FACES)
ROWS = from_points(FACES)
TIMES = np.arange(N) / 25
Write = Callable[[Path], object]


def long(**names: str) -> pd.DataFrame:
    """A line a point."""
    t, k = np.divmod(np.arange(N * 68), 68)
    table = pd.DataFrame({"frame": t, "landmark": k, "x": FACES[t, k, 0], "y": FACES[t, k, 1]})
    return table.rename(columns=names)


def stacked(
    levels: list[tuple[object, ...]], values: np.ndarray, names: list[str | None] | None = None
) -> pd.DataFrame:
    return pd.DataFrame(values, columns=pd.MultiIndex.from_tuples(levels, names=names))


def with_likelihood(low: tuple[int, int] | None = None) -> np.ndarray:
    whole = np.concatenate([FACES, np.full((N, 68, 1), 0.99)], axis=2)
    if low is not None:
        whole[low[0], low[1], 2] = 0.1
    return whole.reshape(N, -1)


def deeplabcut(person: str | None = None, low: tuple[int, int] | None = None) -> pd.DataFrame:
    parts = [(f"point{k}", axis) for k in range(68) for axis in ("x", "y", "likelihood")]
    who = ("DLC_resnet50",) if person is None else ("DLC_resnet50", person)
    names = ["scorer", *([] if person is None else ["individuals"]), "bodyparts", "coords"]
    return stacked([(*who, *part) for part in parts], with_likelihood(low), names)


def by_the_clock(k: int) -> str:
    return f"00:00:{k // 25:02d}.{k % 25 * 40:03d}"


KINDS: dict[str, tuple[str, Write, int]] = {
    "long": ("a.csv", lambda p: long().to_csv(p, index=False), N * 68),
    "long, from 1, by point": (
        "a.csv",
        lambda p: (
            long(landmark="point_id").assign(point_id=lambda t: t["point_id"] + 1).sort_values("point_id")
        ).to_csv(p, index=False),
        N * 68,
    ),
    "long, European": ("a.csv", lambda p: long(x="X", y="Y").to_csv(p, sep=";", decimal=",", index=False), N * 68),
    "long, points named": (
        "a.csv",
        lambda p: (
            long(landmark="bodypart").astype({"bodypart": str}).replace({"bodypart": r"^"}, "p", regex=True).to_csv(p)
        ),
        N * 68,
    ),
    "long Parquet": ("a.parquet", lambda p: long().to_parquet(p), N * 68),
    "DeepLabCut": ("a.csv", lambda p: deeplabcut().to_csv(p), N),
    "DeepLabCut, one individual": ("a.csv", lambda p: deeplabcut("mouse").to_csv(p), N),
    "SLEAP": (
        "a.csv",
        lambda p: pd.DataFrame(
            with_likelihood(), columns=[f"n{k}.{axis}" for k in range(68) for axis in ("x", "y", "score")]
        ).to_csv(p, index_label="frame_idx"),
        N,
    ),
    "two header lines": (
        "a.csv",
        lambda p: stacked([(axis, k) for axis in "xy" for k in range(68)], ROWS).to_csv(p, index=False),
        N,
    ),
    "OpenFace with blanks": (
        "a.csv",
        lambda p: p.write_text(openface_frame(FACES).to_csv(index=False).replace(",", ", "), encoding="utf-8"),
        N,
    ),
    "feather": ("a.feather", lambda p: plain_frame(FACES).to_feather(p), N),
    "JSON by column": ("a.json", lambda p: plain_frame(FACES).to_json(p), N),
    "JSON by row": ("a.json", lambda p: openface_frame(FACES).to_json(p, orient="records"), N),
    "JSON lines": ("a.jsonl", lambda p: openface_frame(FACES).to_json(p, orient="records", lines=True), N),
    "JSON array": ("a.json", lambda p: p.write_text(json.dumps(FACES.tolist())), N),
    "JSON of landmarks": (
        "a.json",
        lambda p: p.write_text(
            json.dumps({"frames": [{"landmarks": [{"x": x, "y": y, "z": 0} for x, y in face]} for face in FACES]})
        ),
        N,
    ),
    "JSON of faces": (
        "a.json",
        lambda p: p.write_text(
            json.dumps([{"faceLandmarks": [[{"x": x, "y": y} for x, y in face]]} for face in FACES])
        ),
        N,
    ),
    "array, 2 last": ("a.npy", lambda p: np.save(p, FACES), N),
    "array, 2 in the middle": ("a.npy", lambda p: np.save(p, FACES.transpose(0, 2, 1)), N),
    "array, frames last": ("a.npy", lambda p: np.save(p, FACES.transpose(1, 2, 0)), N),
    "array, x y x y": ("a.npy", lambda p: np.save(p, FACES.reshape(N, -1)), N),
    "array with depth": ("a.npy", lambda p: np.save(p, np.concatenate([FACES, FACES[..., :1]], axis=2)), N),
    "array of one face each": ("a.npy", lambda p: np.save(p, FACES[:, None]), N),
    "npz": ("a.npz", lambda p: np.savez(p, landmarks=FACES, scores=np.ones(N)), N),
    "MATLAB": ("a.mat", lambda p: scipy.io.savemat(p, {"pts": FACES}), N),
    "MATLAB, frames last": ("a.mat", lambda p: scipy.io.savemat(p, {"shape": FACES.transpose(1, 2, 0)}), N),
    "MATLAB, 2K by frames": ("a.mat", lambda p: scipy.io.savemat(p, {"landmarks": ROWS.T}), N),
    "frames by names of pictures": (
        "a.csv",
        lambda p: plain_frame(FACES).assign(frame=[f"v1_img_{k:04d}" for k in range(N)]).to_csv(p, index=False),
        N,
    ),
    "a time that is none": (
        "a.csv",
        lambda p: plain_frame(FACES).assign(time=[f"01:00:00:{k:02d}" for k in range(N)]).to_csv(p, index=False),
        N,
    ),
    "numbers without names": ("a.csv", lambda p: np.savetxt(p, ROWS, delimiter=","), N),
    "numbers, x y x y": ("a.txt", lambda p: np.savetxt(p, FACES.reshape(N, -1)), N),
    "columns numbered by pandas": ("a.csv", lambda p: pd.DataFrame(ROWS).to_csv(p, index=False), N),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_faces_in_every_kind(tmp_path: Path, kind: str) -> None:
    name, write, lines = KINDS[kind]
    write(tmp_path / name)
    tracks = read_tracks(tmp_path / name)
    assert np.abs(tracks.keypoints.to_numpy() - ROWS).max() < 1e-6
    assert (tracks.report.lines, tracks.report.lines_used, tracks.report.set_aside) == (lines, lines, ())
    assert tracks.report.problems == ()


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("timestamp", TIMES),
        ("timestamp", TIMES * 1000),
        ("timestamp", TIMES * 1e6),
        ("time_ms", TIMES * 1000),
        ("Time (ms)", TIMES * 1000),
        ("time", [by_the_clock(k) for k in range(N)]),
        ("timestamp", pd.date_range("2024-05-01 12:00", periods=N, freq="40ms").astype(str)),
        ("timestamp", 1.7e9 + TIMES),
        ("timestamp", (1.7e9 + TIMES) * 1000),
    ],
)
@pytest.mark.parametrize("form", ["wide", "long"])
def test_time_is_seconds_from_the_start(tmp_path: Path, column: str, cells: object, form: str) -> None:
    values = np.asarray(cells)
    wide = plain_frame(FACES).assign(**{column: values})
    table = wide if form == "wide" else long().assign(**{column: np.repeat(values, 68)})
    table.to_csv(tmp_path / "a.csv", index=False)
    time = read_tracks(tmp_path / "a.csv").time
    assert time is not None
    assert np.abs(time.to_numpy() - TIMES).max() < 1e-4


def test_a_lost_point_and_a_cut_line_of_a_long_table(tmp_path: Path) -> None:
    table = long().drop(index=68 * 3 + 5)
    (tmp_path / "a.csv").write_text(table.to_csv(index=False)[:-8], encoding="utf-8")
    tracks = read_tracks(tmp_path / "a.csv")
    assert np.isnan(tracks.keypoints.iloc[3][["x_5", "y_5"]]).all()
    assert tracks.keypoints.iloc[3].notna().sum() == 134
    assert tracks.report.lines == N * 68 - 1 == tracks.report.lines_used + 1


def test_two_faces_of_a_long_table(tmp_path: Path) -> None:
    table = pd.concat([long().assign(face_id=0), long().assign(face_id=1, x=lambda t: t["x"] + 500).iloc[: 68 * 4]])
    table.to_csv(tmp_path / "a.csv", index=False)
    tracks = read_tracks(tmp_path / "a.csv")
    assert np.abs(tracks.keypoints.to_numpy() - ROWS).max() < 1e-6
    assert dict(tracks.report.set_aside) == {"of other faces": 68 * 4}
    assert tracks.report.lines == tracks.report.lines_used + 68 * 4
    table.drop(columns="face_id").to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(DfecsError, match="second of one point and frame"):
        read_tracks(tmp_path / "b.csv")


def test_a_point_that_deeplabcut_is_not_sure_of_is_missing(tmp_path: Path) -> None:
    deeplabcut(low=(2, 7)).to_csv(tmp_path / "a.csv")
    tracks = read_tracks(tmp_path / "a.csv")
    assert list(tracks.keypoints.columns[tracks.keypoints.iloc[2].isna()]) == ["x_7", "y_7"]
    assert any("1 points of a likelihood below 0.6" in note for note in tracks.report.notes)


@pytest.mark.parametrize("value", [0, -1, 7.5])
def test_a_face_in_one_place_is_none(tmp_path: Path, value: float) -> None:
    table = plain_frame(FACES).assign(frame=range(N))
    table.loc[4, table.columns != "frame"] = value
    table.loc[6, ["x_3", "y_3"]] = min(value, 0)
    table.to_csv(tmp_path / "a.csv", index=False)
    tracks = read_tracks(tmp_path / "a.csv")
    assert tracks.keypoints.isna().all(axis=1).to_numpy().nonzero()[0].tolist() == [4]
    assert tracks.report.failed == 1
    assert tracks.keypoints.iloc[6].isna().sum() == 2


def pts(face: np.ndarray) -> str:
    lines = "\n".join(f"{x:.3f} {y:.3f}" for x, y in face)
    return f"version: 1\nn_points: {len(face)}\n{{\n{lines}\n}}\n"


def openpose(face: np.ndarray) -> str:
    flat = np.concatenate([np.c_[face, np.ones(68)].ravel(), np.zeros(6)])
    return json.dumps({"version": 1.3, "people": [{"face_keypoints_2d": flat.tolist()}]})


@pytest.mark.parametrize(
    ("ending", "written"),
    [
        (".pts", pts),
        (".txt", lambda face: "\n".join(f"{x:.3f} {y:.3f}" for x, y in face)),
        (".json", openpose),
    ],
)
def test_a_folder_of_points_a_picture_is_one_recording(
    tmp_path: Path, ending: str, written: Callable[[np.ndarray], str]
) -> None:
    for k, face in enumerate(FACES):
        (tmp_path / f"img_{k}{ending}").write_text(written(face), encoding="utf-8")
    table = load(tmp_path).keypoints
    assert table.index.get_level_values("frame").tolist() == list(range(N))
    assert np.abs(table.to_numpy() - ROWS).max() < 1e-3


def units() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, components_=ROWS[:3])
    return stream.getvalue()


REFUSED: dict[str, tuple[str, bytes | str, str]] = {
    "body pose": ("a.csv", long().query("landmark < 33").to_csv(index=False), "numbers 33 points"),
    "points by words": (
        "a.csv",
        long().assign(landmark="nose tip").to_csv(index=False),
        "numbers in a keypoint scheme are needed",
    ),
    "no frames": ("a.csv", long().drop(columns="frame").to_csv(index=False), "no column 'frame' or 'time'"),
    "transposed": ("a.csv", plain_frame(FACES).T.to_csv(), "begins with numbers"),
    "HDF5": ("a.h5", b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
    "pickle": ("a.pkl", b"\x80\x04\x95" + bytes(100), "pickle"),
    "XML": ("a.xml", "<?xml version='1.0'?><dataset></dataset>", "XML"),
    "cut .pts": ("a.pts", pts(FACES[0])[:400], "cut off"),
    "cut JSON": ("a.json", json.dumps(FACES.tolist())[:-9], "damaged JSON"),
    "JSON of something else": ("a.json", '{"name": "a", "scores": [1, 2]}', "no columns x_0"),
    "JSON of few points": ("a.json", json.dumps([{"landmarks": [[1, 2]] * 5}]), "entry 1 has 5 points"),
    "JSON of fractions": (
        "a.json",
        json.dumps([{"landmarks": (face / [640, 480]).tolist()} for face in FACES]),
        "picture_size",
    ),
    "MATLAB 7.3": ("a.mat", b"MATLAB 7.3 MAT-file, Platform".ljust(124) + b"\x00\x02IM" + bytes(400), "7.3"),
    "damaged MATLAB": ("a.mat", b"MATLAB 5.0 MAT-file, Platform".ljust(124) + b"\x00\x01IM" + bytes(9), "mat"),
    "units": ("a.npz", units(), "holds units, not tracked faces"),
    "numbers of another count": ("a.csv", "1,2,3\n4,5,6\n", "3 in a line"),
    "two individuals": (
        "a.csv",
        pd.concat([deeplabcut("a"), deeplabcut("b") + 300], axis=1).to_csv(),
        "two sets of columns",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_known_is_refused_in_one_sentence(tmp_path: Path, kind: str) -> None:
    name, content, words = REFUSED[kind]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DfecsError, match=words) as caught:
        load(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
