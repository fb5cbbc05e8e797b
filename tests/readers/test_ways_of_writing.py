"""Tables as other tools, countries and spreadsheet programs write them: the same faces come out."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tracker_tables import XY, faces, openface_frame, plain_frame, pyfeat_frame, write

from dfecs_lib import keypoints
from dfecs_lib.data.load import load
from dfecs_lib.data.readers import read_keypoints, read_pose, read_tracks, sniff
from dfecs_lib.errors import DfecsError
from dfecs_lib.head3d import load_head
from dfecs_lib.keypoints import IBUG68, from_points
from dfecs_lib.preprocessing import prepare

FACES = faces()
PLAIN = from_points(FACES)


def text(table: pd.DataFrame, **how: object) -> str:
    return table.to_csv(index=False, **how)


def excel_european(table: pd.DataFrame) -> bytes:
    """As a German or French Excel saves "CSV (Trennzeichen-getrennt)": semicolons, decimal commas, CRLF."""
    return text(table, sep=";", decimal=",", lineterminator="\r\n").encode("cp1252")


def excel_unicode_text(table: pd.DataFrame) -> bytes:
    """As Excel saves "Unicode text": UTF-16 with a mark, tabs, CRLF."""
    return text(table, sep="\t", lineterminator="\r\n").encode("utf-16")


WAYS: dict[str, Callable[[pd.DataFrame], bytes]] = {
    "semicolon": lambda t: text(t, sep=";").encode(),
    "tab": lambda t: text(t, sep="\t").encode(),
    "bar": lambda t: text(t, sep="|").encode(),
    "Excel in Europe": excel_european,
    "Excel, UTF-8": lambda t: b"\xef\xbb\xbf" + text(t, lineterminator="\r\n").encode(),
    "Excel, Unicode text": excel_unicode_text,
    "Excel's sep=": lambda t: b"sep=;\r\n" + excel_european(t),
    "UTF-16, big end first": lambda t: b"\xfe\xff" + text(t).encode("utf-16-be"),
    "UTF-16 without a mark": lambda t: text(t).encode("utf-16-le"),
    "old Mac": lambda t: text(t, lineterminator="\r").encode(),
    "quoted by R": lambda t: text(t, quoting=1).encode(),
    "quoted with decimal commas": lambda t: text(t, quoting=1, decimal=",").encode(),
    "compressed": lambda t: gzip.compress(text(t).encode()),
    "compressed twice over": lambda t: gzip.compress(text(t)[:999].encode()) + gzip.compress(text(t)[999:].encode()),
    "trailing commas": lambda t: text(t).replace("\n", ",\n").encode(),
    "trailing commas below the header": lambda t: text(t).replace("\n", ",\n").replace(",\n", "\n", 1).encode(),
    "blanks around": lambda t: text(t).replace(",", " , ").encode(),
    "blank lines": lambda t: text(t).replace("\n", "\n\n").encode(),
    "columns by blanks": lambda t: text(t.drop(columns="input", errors="ignore"), sep=" ").encode(),
    "a title above": lambda t: ("Exported by a tool; version 2\n\n" + text(t)).encode(),
    "no line end at the end": lambda t: text(t).rstrip("\n").encode(),
    "umlauts of Windows": lambda t: text(t.assign(note="Mädchen")).encode("cp1252"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("tool", ["openface", "pyfeat", "csv"])
def test_every_way_holds_the_same_faces(tmp_path: Path, tool: str, way: str) -> None:
    table = {"openface": openface_frame, "pyfeat": pyfeat_frame, "csv": plain_frame}[tool](FACES)
    path = tmp_path / ("a.csv.gz" if way.startswith("compressed") else "a.csv")
    path.write_bytes(WAYS[way](table))
    tracks = read_tracks(path)
    assert tracks.keypoints.attrs["history"][0]["source"] == tool
    np.testing.assert_allclose(tracks.keypoints.to_numpy(), PLAIN)
    assert (tracks.report.lines, tracks.report.lines_used, tracks.report.set_aside) == (12, 12, ())
    assert tracks.report.failed == 0
    named = tool == "pyfeat" and way != "columns by blanks"
    assert set(tracks.keypoints.index.get_level_values("recording")) == {"clip" if named else "a"}


NAMES: dict[str, Callable[[str, int], str]] = {
    "CLNF": lambda axis, k: f"{axis}{k}",
    "capitals": lambda axis, k: f"{axis.upper()}_{k}",
    "dlib": lambda axis, k: f"part_{k}_{axis}",
    "openDBM": lambda axis, k: f"l{k}_{axis}",
    "from 1": lambda axis, k: f"{axis}{k + 1}",
    "brackets": lambda axis, k: f"{axis}[{k}]",
    "words": lambda axis, k: f"landmark {k} {axis}",
    "levels of pandas": lambda axis, k: f"({k}, '{axis}')",
    "levels the other way": lambda axis, k: f"('{axis}', {k})",
    "with a unit": lambda axis, k: f"{axis}_{k} (px)",
    "unit in brackets": lambda axis, k: f"lm{k}_{axis} [pixels]",
    "u and v": lambda axis, k: f"{'uv'['xy'.index(axis)]}_{k}",
}


@pytest.mark.parametrize("how", NAMES)
@pytest.mark.parametrize("interleaved", [False, True])
def test_other_names_of_columns(tmp_path: Path, how: str, interleaved: bool) -> None:
    table = plain_frame(FACES)
    table.columns = [NAMES[how](*name.split("_")[:1], int(name.split("_")[1])) for name in XY]
    if interleaved:
        table = table.iloc[:, [c for k in range(68) for c in (k, 68 + k)]]
    read = read_keypoints(write(tmp_path / "a.csv", table))
    np.testing.assert_allclose(read.to_numpy(), PLAIN)
    assert list(read.columns) == XY


def test_points_that_could_be_two_sets_are_refused(tmp_path: Path) -> None:
    both = pd.concat([plain_frame(FACES).add_prefix("raw"), plain_frame(FACES).add_prefix("smooth")], axis=1)
    with pytest.raises(DfecsError, match=r"rawx_0 or smoothx_0"):
        read_keypoints(write(tmp_path / "a.csv", both))
    named = pd.concat([both, plain_frame(FACES)], axis=1)
    np.testing.assert_allclose(read_keypoints(write(tmp_path / "b.csv", named)).to_numpy(), PLAIN)


def test_eyes_alone_are_no_face(tmp_path: Path) -> None:
    table = openface_frame(FACES).drop(columns=XY)
    eyes = pd.DataFrame(1.0, index=table.index, columns=[f"eye_lmk_{axis}_{k}" for axis in "xy" for k in range(56)])
    path = write(tmp_path / "a.csv", pd.concat([table, eyes], axis=1))
    with pytest.raises(
        DfecsError, match=r"a\.csv: is an OpenFace file without points of the face; run OpenFace with -2Dfp"
    ):
        read_keypoints(path)


def test_points_in_space_are_seen_by_a_stated_camera(tmp_path: Path) -> None:
    head = np.add(load_head().mean, [10.0, -20.0, 800.0])
    names = [f"{axis}_{k}" for axis in "XYZ" for k in range(68)]
    space = pd.DataFrame([head.T.ravel()] * 3, columns=names)
    table = openface_frame(FACES[:3])
    read = read_tracks(write(tmp_path / "a.csv", pd.concat([table.drop(columns=XY), space], axis=1)))
    entry = read.keypoints.attrs["history"][0]
    f, (cx, cy) = entry["focal_length"], entry["principal_point"]
    seen = np.column_stack([f * head[:, 0] / head[:, 2] + cx, f * head[:, 1] / head[:, 2] + cy])
    np.testing.assert_allclose(keypoints.to_points(read.keypoints)[1], seen)
    assert "focal length" in str(read.report)
    assert not read.report.problems
    # Points in the picture, where the file has them too, are taken as they are.
    both = write(tmp_path / "b.csv", pd.concat([table, space], axis=1))
    np.testing.assert_allclose(read_keypoints(both).to_numpy(), PLAIN[:3])


@pytest.mark.parametrize("count", [468, 478])
def test_meshes_with_and_without_irises(tmp_path: Path, count: int) -> None:
    mesh = np.random.default_rng(0).uniform(100, 300, (4, 478, 2)).round(1)
    mesh[:, keypoints.MEDIAPIPE478.positions(range(68))] = FACES[:4]
    data = {f"{axis}_{k}": mesh[:, k, a] for a, axis in enumerate("xy") for k in range(count)}
    data |= {f"z_{k}": np.zeros(4) for k in range(count)}
    read = read_tracks(write(tmp_path / "a.csv", pd.DataFrame(data)))
    assert read.keypoints.attrs["scheme"] == "mediapipe478"
    np.testing.assert_allclose(keypoints.convert(read.keypoints, IBUG68).to_numpy(), PLAIN[:4])
    assert read.keypoints.isna().all().sum() == 2 * (478 - count)
    assert not read.report.problems


def test_pyfeat_2_with_a_mesh(tmp_path: Path) -> None:
    """Py-Feat 2 with MediaPipe writes 478 points in space, blendshapes, the head's place and who is shown."""
    mesh = np.random.default_rng(0).uniform(280, 360, (12, 478, 2)).round(1)
    mesh[:, keypoints.MEDIAPIPE478.positions(range(68))] = FACES
    box = {"FaceRectX": 200.0, "FaceRectY": 150.0, "FaceRectWidth": 150.0, "FaceRectHeight": 160.0, "FaceScore": 0.99}
    points = {f"{axis}_{k}": mesh[:, k, a] for a, axis in enumerate("xy") for k in range(478)}
    points |= {f"z_{k}": np.linspace(-0.1, 0.1, 12) for k in range(478)}
    more = {"X": 0.1, "Y": 0.2, "Z": 40.0, "Pitch": 0.2, "Roll": 0.0, "Yaw": -0.1, "AU12": 0.7, "jawOpen": 0.2}
    more |= {"browDownLeft": 0.1, "Identity": "Person_0", "input": "a/clip.mp4", "frame": np.arange(12)}
    path = write(tmp_path / "a.csv", pd.DataFrame(box | points | more))
    read = read_tracks(path)
    assert read.keypoints.attrs["scheme"] == "mediapipe478"
    np.testing.assert_allclose(keypoints.to_points(read.keypoints), mesh)
    assert read.pose is not None
    assert read.action_units is not None
    assert not read.report.problems
    assert load(path).keypoints.shape == (12, 136)
    assert prepare(load(path, scheme="tracked")).shape == (12, 956)


def test_parquet_of_other_programs_and_arrays(tmp_path: Path) -> None:
    table = openface_frame(FACES)
    table.to_parquet(tmp_path / "a.parquet")
    table.set_index(["frame"]).to_parquet(tmp_path / "b.parquet")
    for name in "ab":
        read = read_tracks(tmp_path / f"{name}.parquet")
        np.testing.assert_allclose(read.keypoints.to_numpy(), PLAIN)
        assert read.keypoints.index[0] == ("", "", name, 1)
        assert read.action_units is not None
        assert read.pose is not None
    for name, array in {"c": FACES, "d": PLAIN, "e": FACES.astype(np.float32), "f": FACES[0]}.items():
        np.save(tmp_path / f"{name}.npy", array)
        np.testing.assert_allclose(
            read_keypoints(tmp_path / f"{name}.npy").to_numpy(), PLAIN[: 1 if name == "f" else None], rtol=1e-6
        )
    np.save(tmp_path / "g.npy", FACES[:, :50])
    with pytest.raises(DfecsError, match=r"g\.npy: has the shape \(12, 50, 2\)"):
        read_keypoints(tmp_path / "g.npy")
    np.save(tmp_path / "h.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
    with pytest.raises(DfecsError, match=r"h\.npy: not a readable NumPy array"):
        read_keypoints(tmp_path / "h.npy")


def test_time_and_confidence_stand_beside_the_table(tmp_path: Path) -> None:
    table = openface_frame(FACES, success=["True", "False"] * 6)
    read = read_tracks(write(tmp_path / "a.csv", table))
    assert read.keypoints.isna().all(axis=1).tolist() == [False, True] * 6
    np.testing.assert_allclose(read.time, np.arange(12) / 25)
    np.testing.assert_allclose(read.confidence, 0.98)
    assert read.time.index.equals(read.keypoints.index)
    assert read_tracks(write(tmp_path / "b.csv", plain_frame(FACES))).time is None
    in_ms = plain_frame(FACES).assign(time_ms=np.arange(12) * 40)
    np.testing.assert_allclose(read_tracks(write(tmp_path / "c.csv", in_ms)).time, np.arange(12) / 25)
    keypoints.save(read.keypoints, tmp_path / "d.parquet", time=read.time)
    again = read_tracks(tmp_path / "d.parquet")
    pd.testing.assert_series_equal(again.time, read.time)
    pd.testing.assert_frame_equal(again.keypoints, read.keypoints)
    pd.testing.assert_frame_equal(keypoints.load(tmp_path / "d.parquet"), read.keypoints)


def test_tables_put_together_by_pandas_are_still_tables(tmp_path: Path) -> None:
    one = read_keypoints(write(tmp_path / "a.csv", openface_frame(FACES)))
    two = read_keypoints(write(tmp_path / "b.csv", openface_frame(FACES, confidence=0.9)))
    both = pd.concat([one, two])
    both.attrs = {}
    valid = keypoints.validate(both)
    assert valid.attrs == {"scheme": "ibug68", "history": [{"operation": "unknown"}]}
    both.to_parquet(tmp_path / "c.parquet")
    assert len(read_keypoints(tmp_path / "c.parquet")) == 24


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04" + bytes(range(200)) * 9, "is a spreadsheet or another archive; save the table as CSV"),
        (bz2.compress(b"frame,x_0\n1,2\n"), "packed in a way that is not read here; unpack it, or pack it as .gz"),
        (lzma.compress(b"frame,x_0\n1,2\n"), "packed in a way that is not read here; unpack it, or pack it as .gz"),
        (b"dataset,subject,recording,frame,U01\n,,P1,1,0.5\n", "holds codes of units, not tracked faces"),
        (
            "\n".join([",".join(["1.5"] * 130)] * 3).encode(),
            "begins with numbers, 130 in a line; a first line with the columns' names",
        ),
        (gzip.compress(b"x_0," * 40_000_000, mtime=0), "unpacks to more than 100 times its size"),
        (gzip.compress(b"frame,x_0\n1,2\n", mtime=0)[:-12] + b"\xff" * 12, "gz"),
        ((plain_frame(FACES).iloc[:, :100].to_csv(index=False)).encode(), "lacks 36 of the columns needed: y_32"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_read_is_told_in_one_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / ("a.csv.gz" if content[:2] == b"\x1f\x8b" else "a.csv")
    path.write_bytes(content)
    with pytest.raises(DfecsError) as caught:
        read_keypoints(path)
    assert str(path) in str(caught.value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_everything_in_a_file_is_read_at_once(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", openface_frame(FACES))
    read = read_tracks(path)
    assert sniff(path).name == "openface"
    assert list(read.action_units) == ["AU01", "AU12"]
    pd.testing.assert_frame_equal(read.pose, read_pose(path))
    pd.testing.assert_frame_equal(read.keypoints, read_keypoints(path))
