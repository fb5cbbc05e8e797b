"""Pictures come out in order, upright, and one at a time; what is not a picture is named."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dfecs_lib.errors import DfecsError
from dfecs_lib.files import natural_key
from dfecs_lib.tracking import expand_sources, open_media


def _rotated_copy(clip: Path, target: Path) -> Path:
    """Copy an MP4 with the video track's display matrix set to a quarter turn clockwise (ISO 14496-12, tkhd)."""
    data = bytearray(clip.read_bytes())
    turned = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    at = data.find(b"tkhd")
    while at >= 0:
        start = at + 4 + (40 if data[at + 4] == 0 else 52)
        if struct.unpack(">I", data[start + 36 : start + 40])[0]:  # a width: the picture, not the sound
            data[start : start + 36] = turned
        at = data.find(b"tkhd", at + 4)
    target.write_bytes(data)
    return target


def test_names_are_sorted_as_people_count() -> None:
    names = ["f10.png", "f2.png", "F1.png", "f02.png", "g1.png", "10.png", "9.png"]
    assert sorted(names, key=natural_key) == ["9.png", "10.png", "F1.png", "f02.png", "f2.png", "f10.png", "g1.png"]


def test_a_video_is_streamed_with_its_count_and_rate(samples: Path) -> None:
    media = open_media(samples / "single_face.mp4")
    frames = media.frames()
    first = next(frames)
    assert (media.n_frames, media.frame_rate) == (72, 30.0)
    assert first.shape == (360, 640, 3)
    assert first.dtype == np.uint8
    assert 1 + sum(1 for _ in frames) == 72


def test_display_rotation_is_honoured(samples: Path, tmp_path: Path) -> None:
    upright = next(open_media(samples / "single_face.mp4").frames())
    turned = next(open_media(_rotated_copy(samples / "single_face.mp4", tmp_path / "phone.mp4")).frames())
    assert np.array_equal(turned, np.rot90(upright, -1))  # clockwise, as the matrix says


def test_a_folder_is_read_in_natural_order_and_exif_turned_upright(tmp_path: Path) -> None:
    for number, level in ((10, 200), (9, 100)):
        Image.new("L", (4, 2), level).save(tmp_path / f"f{number}.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned clockwise
    Image.new("RGB", (4, 2)).save(tmp_path / "z.jpg", exif=exif)
    (tmp_path / "notes.txt").write_text("not a picture")
    frames = list(open_media(tmp_path).frames())
    assert [f.shape for f in frames] == [(2, 4, 3), (2, 4, 3), (4, 2, 3)]
    assert [int(f[0, 0, 0]) for f in frames[:2]] == [100, 200]


def test_the_digest_is_of_the_content_alone(tmp_path: Path) -> None:
    for name, level in (("a.png", 1), ("b.png", 1), ("c.png", 2)):
        Image.new("L", (4, 2), level).save(tmp_path / name)
    a, b, c = (open_media(tmp_path / f"{n}.png").digest() for n in "abc")
    assert a == b != c


def test_a_folder_of_videos_stands_for_each_of_them(tmp_path: Path) -> None:
    for name in ("v10.mp4", "v9.MOV", ".hidden.mp4"):
        (tmp_path / name).touch()
    assert [p.name for p in expand_sources([tmp_path])] == ["v9.MOV", "v10.mp4"]
    (tmp_path / "face.png").touch()
    with pytest.raises(DfecsError, match="both videos and images"):
        expand_sources([tmp_path])


def test_what_is_no_picture_is_named(samples: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("hello")
    (tmp_path / "cut.mp4").write_bytes((samples / "single_face.mp4").read_bytes()[:5000])
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    (tmp_path / "folder").mkdir()
    for name, words in (
        ("empty.mp4", "empty"),
        ("text.mp4", "not a readable video"),
        ("cut.mp4", "not a readable video"),
        ("bad.png", "not a readable image"),
        ("folder", "no image"),
        ("absent.mp4", "no such file"),
    ):
        with pytest.raises(DfecsError, match=words) as caught:
            list(open_media(tmp_path / name).frames())
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value)
