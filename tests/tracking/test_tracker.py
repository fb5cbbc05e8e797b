"""Recordings become one valid table: names, absent faces, restarts, parallel work, options."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dfecs_lib import keypoints
from dfecs_lib.errors import DfecsError
from dfecs_lib.tracking import BACKENDS, backends, register_backend, track, track_many, tracker_of

from .plain_backend import PlainBackend


@pytest.fixture
def plain() -> Iterator[str]:
    register_backend("plain", f"{PlainBackend.__module__}:PlainBackend")
    PlainBackend.opened = 0
    yield "plain"
    backends._REGISTER.pop("plain")


def _pictures(folder: Path, *dots: tuple[int, int] | None) -> Path:
    folder.mkdir(parents=True)
    for number, dot in enumerate(dots):
        picture = Image.new("L", (8, 6))
        if dot:
            picture.putpixel(dot, 255)
        picture.save(folder / f"f{number}.png")
    return folder


def test_frames_without_a_face_stay_as_rows_of_nan(tmp_path: Path, plain: str) -> None:
    table = track(_pictures(tmp_path / "a", (3, 2), None, (4, 1)), plain, dataset="D", subject="S")
    keypoints.validate(table)
    assert table.index.tolist() == [("D", "S", "a", 0), ("D", "S", "a", 1), ("D", "S", "a", 2)]
    assert table["x_0"].tolist()[::2] == [3, 4]
    assert table["y_48"].tolist()[::2] == [2, 1]
    assert table.iloc[1].isna().all()
    entry = table.attrs["history"][0]
    assert (entry["frames"], entry["frames_with_a_face"], entry["backend"]) == (3, 2, "plain")
    json.dumps(table.attrs)


def test_confidence_shares_the_index(tmp_path: Path, plain: str) -> None:
    table, frames = track_many([_pictures(tmp_path / "a", (3, 2), None)], plain)
    assert frames.index.equals(table.index)
    assert frames["confidence"].iloc[0] == 1.0
    assert np.isnan(frames["confidence"].iloc[1])
    assert frames["faces"].tolist() == [1, 0]


def test_recordings_of_the_same_name_take_their_folders_name(tmp_path: Path, plain: str) -> None:
    sources = [_pictures(tmp_path / "b" / "clip", (1, 1)), _pictures(tmp_path / "a" / "clip", (2, 2))]
    table, _ = track_many(sources, plain)
    assert table["x_0"].droplevel(["dataset", "subject", "frame"]).to_dict() == {"a/clip": 2.0, "b/clip": 1.0}
    with pytest.raises(DfecsError, match="named twice"):
        track_many([sources[0], sources[0]], plain)


def test_parallel_work_gives_the_same_table(tmp_path: Path, plain: str) -> None:
    sources = [_pictures(tmp_path / name, (n, 1), None) for n, name in enumerate("cab")]
    one, _ = track_many(sources, plain, n_jobs=1)
    with joblib.parallel_config(backend="threading"):
        two, _ = track_many(sources, plain, n_jobs=2)
    pd.testing.assert_frame_equal(one, two)
    assert one.attrs == two.attrs


def test_a_restart_does_only_what_is_left(tmp_path: Path, plain: str) -> None:
    good = [_pictures(tmp_path / name, (n, 1)) for n, name in enumerate("ab")]
    (tmp_path / "broken.png").write_bytes(b"no picture")
    cache = tmp_path / "cache"
    with pytest.raises(DfecsError, match=r"broken\.png.*others are kept"):
        track_many([good[0], tmp_path / "broken.png", good[1]], plain, cache=cache)
    assert len(list(cache.iterdir())) == 2
    assert PlainBackend.opened == 3
    again, _ = track_many(good, plain, cache=cache)
    assert PlainBackend.opened == 3
    pd.testing.assert_frame_equal(again, track_many(good, plain)[0])
    # Another name for the same content needs no work; another setting, other content or a damaged file does.
    PlainBackend.opened = 0
    moved = good[0].rename(tmp_path / "moved")
    assert track(moved, plain, cache=cache).index[0][2] == "moved"
    assert PlainBackend.opened == 0
    track(moved, plain, cache=cache, settings={"threshold": 1})
    assert PlainBackend.opened == 1
    _pictures(tmp_path / "c", (7, 5))
    (tmp_path / "c" / "f0.png").replace(moved / "f1.png")
    assert len(track(moved, plain, cache=cache)) == 2
    assert PlainBackend.opened == 2
    for file in cache.iterdir():
        file.write_bytes(file.read_bytes()[:50])
    track(moved, plain, cache=cache)
    assert PlainBackend.opened == 3


def test_unknown_backends_settings_and_missing_packages_are_named(tmp_path: Path, plain: str) -> None:
    source = _pictures(tmp_path / "a", (1, 1))
    with pytest.raises(DfecsError, match="known: dlib, face-alignment, mediapipe"):
        track(source, "dilb")
    with pytest.raises(DfecsError, match="no setting 'min_size'; it has: threshold"):
        track(source, plain, settings={"min_size": 3})
    register_backend("plain", f"{__name__}:NeedsMore")
    with pytest.raises(DfecsError, match=r"'no-such-package'.*pip install 'dfecs_lib\[dlib\]'"):
        track(source, plain)


class NeedsMore(PlainBackend):
    packages = ("numpy", "no-such-package")


def test_dlib_finds_the_face_of_a_real_clip_in_every_frame(samples: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, frames = track_many([samples / "single_face.mp4"])
    assert table.shape == (72, 136)
    assert table.attrs["scheme"] == "ibug68"
    assert table.notna().all(axis=None)
    assert (frames["confidence"] > 0).all()
    assert np.allclose(frames["time"], np.arange(72) / 30)
    points = keypoints.to_points(table)
    assert (points.min(axis=(0, 1)) > 0).all()
    assert (points.max(axis=(0, 1)) < (640, 360)).all()
    eyes, mouth, chin = points[:, 36:48, 1].mean(axis=1), points[:, 48:, 1].mean(axis=1), points[:, 8, 1]
    assert ((eyes < mouth) & (mouth < chin)).all()  # upright
    assert (points[:, 36:42, 0].mean(axis=1) < points[:, 42:48, 0].mean(axis=1)).all()  # not mirrored
    assert capsys.readouterr().err == ""  # no bar unless asked for


def test_dlib_keeps_frames_after_the_face_has_gone(samples: Path, tmp_path: Path) -> None:
    from dfecs_lib.tracking import open_media

    folder = tmp_path / "every_twelfth"
    folder.mkdir()
    for number, frame in enumerate(open_media(samples / "face_noface.mov").frames()):
        if number % 12 == 0:
            Image.fromarray(frame).save(folder / f"{number}.bmp")
    found = track(folder).notna().all(axis=1)
    assert len(found) == 15
    assert found.tolist() == [True] * 6 + [False] * 9  # the face leaves at frame 72


@pytest.mark.parametrize("name", ["face-alignment", "mediapipe"])
def test_other_backends_track_a_real_face_or_say_what_to_install(name: str, samples: Path, tmp_path: Path) -> None:
    from dfecs_lib.tracking import open_media

    Image.fromarray(next(open_media(samples / "single_face.mp4").frames())).save(tmp_path / "face.png")
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        with pytest.raises(DfecsError, match=rf"pip install 'dfecs_lib\[{name}\]'"):
            track(tmp_path / "face.png", name)
        return
    try:
        table = keypoints.convert(track(tmp_path / "face.png", name), "ibug68")
    except DfecsError as error:
        pytest.skip(f"{name} is installed, its model is not: {error}")
    reference = track(tmp_path / "face.png")
    inner = keypoints.to_points(table)[0, 36:] - keypoints.to_points(reference)[0, 36:]
    assert np.linalg.norm(inner, axis=1).mean() < 12  # pixels, on a face 180 px wide
    assert set(BACKENDS) >= {name}


def _real_frames(samples: Path, name: str, count: int, step: int = 1) -> list[np.ndarray]:
    from itertools import islice

    from dfecs_lib.tracking import open_media

    return list(islice(open_media(samples / name).frames(), 0, count * step, step))


def _film(folder: Path, pictures: list[np.ndarray]) -> Path:
    folder.mkdir()
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{number:04}.bmp")
    return folder


def test_of_two_people_one_is_followed_and_never_the_other(samples: Path, tmp_path: Path) -> None:
    left = _real_frames(samples, "face_noface.mov", 20, 6)  # 960 x 540, a face until the twelfth
    right = _real_frames(samples, "single_face.mp4", 20, 3)  # 640 x 360, a smaller face all along
    empty = np.zeros((540, 640, 3), dtype=np.uint8)
    both = []
    for a, b in zip(left, right, strict=True):
        beside = empty.copy()
        beside[90:450] = b
        both.append(np.concatenate([a, beside], axis=1))
    folder = _film(tmp_path / "two", both)
    everybody, frames = track_many([folder], all_faces=True)
    x = everybody["x_30"].groupby("subject")
    assert x.count().to_dict() == {"face1": 20, "face2": 12}  # the one that is there for longer comes first
    assert x.max()["face2"] < 960 < x.min()["face1"]
    assert frames.groupby("frame")["faces"].first().tolist() == [2] * 12 + [1] * 8
    alone, _ = track_many([folder])
    assert alone["x_30"].notna().sum() == 20
    assert alone["x_30"].min() > 960


def test_a_face_that_is_lost_and_found_is_the_same(samples: Path, tmp_path: Path) -> None:
    shown = _real_frames(samples, "single_face.mp4", 16)
    hidden = [np.zeros_like(shown[0])] * 10
    table, _ = track_many([_film(tmp_path / "gap", [*shown[:8], *hidden, *shown[8:]])], all_faces=True)
    assert set(table.index.get_level_values("subject")) == {"face1"}
    assert table.notna().all(axis=1).tolist() == [True] * 8 + [False] * 10 + [True] * 8


def test_a_hand_over_the_mouth_is_left_out_unless_asked_for(samples: Path, tmp_path: Path) -> None:
    clip = samples / "WolfgangLanger_Pexels.mp4"
    table, frames = track_many([clip], cache=tmp_path)
    covered = frames["doubt"] == "covered"
    number = frames.index.get_level_values("frame")
    hand = (number >= 60) & (number <= 224)
    assert covered[hand].mean() > 0.9
    assert covered[~hand].mean() < 0.05
    assert table[covered.to_numpy()].isna().all(axis=None)
    assert table.attrs["history"][0]["left_out"] == {"covered": int(covered.sum())}
    kept = track(clip, cache=tmp_path, keep_doubtful=True)
    assert kept[covered.to_numpy()].notna().all(axis=None)


def test_searching_every_fifth_frame_gives_the_points_of_searching_each(samples: Path) -> None:
    often = track(samples / "single_face.mp4", settings={"every": 1})
    seldom = track(samples / "single_face.mp4")
    apart = np.linalg.norm(keypoints.to_points(often) - keypoints.to_points(seldom), axis=2)
    assert apart.mean() < 1  # pixels


def test_a_place_that_cannot_be_written_costs_the_cache_and_not_the_result(tmp_path: Path, plain: str) -> None:
    source = _pictures(tmp_path / "a", (3, 2), None)
    (tmp_path / "file").touch()  # a folder cannot be made where a file is, whoever asks
    with pytest.warns(UserWarning, match="tracks cannot be kept"):
        table = track(source, plain, cache=tmp_path / "file" / "cache")
    pd.testing.assert_frame_equal(table, track(source, plain))


def test_one_bad_video_is_named_and_the_others_are_tracked(tmp_path: Path, plain: str) -> None:
    good = [_pictures(tmp_path / name, (n, 1)) for n, name in enumerate("ab")]
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.warns(UserWarning, match=r"1 of 3 left out: .*bad\.png"):
        table, _ = track_many([good[0], tmp_path / "bad.png", good[1]], plain, strict=False)
    assert table.index.get_level_values("recording").tolist() == ["a", "b"]


def test_a_table_tells_its_tracker(tmp_path: Path, plain: str) -> None:
    table = track(_pictures(tmp_path / "a", (3, 2)), plain)
    assert tracker_of(table) == "plain"
    assert tracker_of(table.drop(columns="x_0").set_axis(range(1))) == "plain"
    assert tracker_of(pd.DataFrame()) is None
