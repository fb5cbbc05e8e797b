"""The keypoint table: what a valid one promises, and what an invalid one is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dfecs_lib import keypoints
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import BP4D49, DISFA66, FACE_PARTS, IBUG68, SCHEMES, KeypointTableError, Scheme

IBUG_SCHEMES = [IBUG68, DISFA66, BP4D49, keypoints.IBUG51]


def table_of(n: int = 4, scheme: Scheme = IBUG68) -> pd.DataFrame:
    values = np.random.default_rng(0).uniform(0, 500, (n, 2 * scheme.n_points))
    return keypoints.make_table(values, scheme=scheme, frames=range(n), dataset="d", subject="s", recording="r")


def test_face_parts_cover_every_point_once() -> None:
    assert sorted(k for part in FACE_PARTS.values() for k in part) == list(range(68))
    assert len(FACE_PARTS) == 7


@pytest.mark.parametrize("scheme", IBUG_SCHEMES, ids=lambda s: s.name)
def test_mirror_is_its_own_inverse_and_swaps_sides(scheme: Scheme) -> None:
    assert (scheme.mirror[scheme.mirror] == np.arange(scheme.n_points)).all()
    for side in ("eyebrow", "eye"):
        right, left = scheme.parts[f"right_{side}"], scheme.parts[f"left_{side}"]
        assert set(scheme.mirror[right]) == set(left)
    assert scheme.mirror[scheme.position(30)] == scheme.position(30)  # the tip of the nose is on the midline
    assert scheme.mirror[scheme.position(48)] == scheme.position(54)  # mouth corners


def test_subject_right_is_on_the_left_of_the_picture(samples: Path) -> None:
    """On a real face, the right eye (subject's own) has smaller x than the left one; y points down."""
    row = pd.read_csv(samples / "pyfeat_sample.csv").iloc[0]
    x = row[[f"x_{k}" for k in range(68)]].to_numpy(float)
    y = row[[f"y_{k}" for k in range(68)]].to_numpy(float)
    assert x[list(FACE_PARTS["right_eye"])].mean() < x[list(FACE_PARTS["left_eye"])].mean()
    assert y[list(FACE_PARTS["right_eyebrow"])].mean() < y[list(FACE_PARTS["lips"])].mean()


def test_subsets_lack_the_points_their_datasets_lack() -> None:
    assert set(range(68)) - set(DISFA66.ibug) == {60, 64}
    assert set(range(68)) - set(BP4D49.ibug) == {*range(17), 60, 64}
    assert "jaw" not in BP4D49.parts
    assert [s.n_points for s in SCHEMES.values()] == [68, 66, 49, 51, 98, 468, 478]


@given(arrays(np.float64, (3, 98), elements=st.floats(-1e4, 1e4)))
def test_points_and_rows_are_inverse(rows: np.ndarray) -> None:
    points = keypoints.to_points(rows)
    assert points.shape == (3, 49, 2)
    assert (points[:, 5, 0] == rows[:, 5]).all()
    assert (points[:, 5, 1] == rows[:, 49 + 5]).all()
    assert (keypoints.from_points(points) == rows).all()


def test_parquet_keeps_values_index_and_attrs(tmp_path: Path) -> None:
    table = keypoints.record(table_of(), "tracked", backend="dlib", scale=2)
    table.iloc[1] = np.nan
    keypoints.save(table, tmp_path / "deep" / "t.parquet")
    again = keypoints.load(tmp_path / "deep" / "t.parquet")
    pd.testing.assert_frame_equal(again, table)
    assert again.attrs == table.attrs
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["t.parquet"]


def test_record_leaves_its_argument_alone() -> None:
    table = table_of()
    keypoints.record(table, "op")
    assert table.attrs["history"] == []


def test_rows_come_out_sorted_by_frame() -> None:
    table = keypoints.make_table(np.arange(3 * 98).reshape(3, 98), scheme="bp4d49", frames=[7, 3, 5])
    assert list(table.index.get_level_values("frame")) == [3, 5, 7]
    assert table.iloc[0, 0] == 98


def test_convert_moves_points_by_their_ibug_number() -> None:
    table = table_of()
    small = keypoints.convert(table, "bp4d49")
    assert small.shape == (4, 98)
    assert (small[f"x_{BP4D49.position(48)}"] == table["x_48"]).all()
    back = keypoints.convert(small, "ibug68")
    assert back[[f"x_{k}" for k in range(17)]].isna().all().all()
    assert (back["y_30"] == table["y_30"]).all()
    assert [entry["operation"] for entry in back.attrs["history"]] == ["convert", "convert"]


def test_mediapipe_mesh_gives_ibug_points_but_not_the_reverse() -> None:
    mesh = keypoints.make_table(np.arange(956.0)[None], scheme="mediapipe478", frames=[0])
    assert keypoints.convert(mesh, "ibug68")["x_30"].item() == 4  # the mesh's vertex 4 is the tip of the nose
    with pytest.raises(DfecsError, match="points that no other scheme has"):
        keypoints.convert(table_of(), "mediapipe478")


def test_one_message_names_everything_wrong() -> None:
    bad = table_of().rename(columns={"x_3": "X_3"}).astype({"y_0": "float32"})
    bad = pd.concat([bad, bad.iloc[:1]])
    bad.attrs = {"scheme": "ibug68"}
    with pytest.raises(KeypointTableError) as caught:
        keypoints.validate(bad)
    message = str(caught.value)
    for part in (
        "lacks the columns x_3",
        "X_3",
        "not float64: y_0",
        "repeat",
        "sorted",
        "history",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.to_numpy(), "DataFrame is needed"),
        (lambda t: t.reset_index(drop=True), "row index"),
        (lambda t: t[t.columns[::-1]], "order"),
        (lambda t: t.replace(t.iloc[0, 0], np.inf), "infinite"),
    ],
)
def test_each_breach_is_named(change, words: str) -> None:
    table = table_of()
    attrs = table.attrs
    bad = change(table)
    if isinstance(bad, pd.DataFrame):
        bad.attrs = attrs
    with pytest.raises(KeypointTableError, match=words):
        keypoints.validate(bad)


def test_width_decides_the_scheme_of_an_array() -> None:
    assert keypoints.scheme_of(np.zeros((1, 132))) is DISFA66
    with pytest.raises(DfecsError, match="7 columns fit no keypoint scheme"):
        keypoints.scheme_of(np.zeros((1, 7)))
    with pytest.raises(DfecsError, match="unknown keypoint scheme 'nose'"):
        keypoints.scheme_of(np.zeros((1, 136)), "nose")
    with pytest.raises(DfecsError, match="98 columns but the data have 136"):
        keypoints.scheme_of(np.zeros((1, 136)), BP4D49)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"\x00\xff" * 400])
def test_a_file_that_is_no_parquet_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.parquet"
    path.write_bytes(content)
    with pytest.raises(DfecsError, match=r"bad\.parquet: not a readable Parquet file"):
        keypoints.load(path)


def test_a_parquet_file_of_something_else_is_named(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1.0]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(KeypointTableError, match=r"other\.parquet: not a keypoint table"):
        keypoints.load(tmp_path / "other.parquet")
    with pytest.raises(DfecsError, match="no such file"):
        keypoints.load(tmp_path / "absent.parquet")
