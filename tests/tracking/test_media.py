"""Pictures come out in order, upright, and one at a time; what is not a picture is named."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dfecs_lib.errors import DfecsError
from dfecs_lib.files import natural_key
from dfecs_lib.tracking import expand_sources, open_media


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
    for folder, name in (("inner", "f1.png"), ("inner/deep", "b.3gp"), ("inner", "f2.HEIC"), ("", "notes.txt")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).touch()
    sources, skipped = expand_sources([tmp_path])
    assert [str(p.relative_to(tmp_path)) for p in sources] == ["v9.MOV", "v10.mp4", "inner", "inner/deep/b.3gp"]
    assert [p.name for p in skipped] == ["notes.txt", "f2.HEIC"]
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


def _with_matrix(clip: Path, target: Path, *, a: int, b: int, c: int, d: int) -> Path:
    """Copy an MP4 with another display matrix: x' = a x + c y, y' = b x + d y (ISO 14496-12, tkhd)."""
    data = bytearray(clip.read_bytes())
    matrix = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    at = data.find(b"tkhd")
    while at >= 0:
        start = at + 4 + (40 if data[at + 4] == 0 else 52)
        if struct.unpack(">I", data[start + 36 : start + 40])[0]:
            data[start : start + 36] = matrix
        at = data.find(b"tkhd", at + 4)
    target.write_bytes(data)
    return target


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_every_display_matrix_shows_what_a_player_shows(turns: int, mirrored: bool, tmp_path: Path) -> None:
    stored = np.kron(np.array([[250, 120], [10, 60], [30, 200]], dtype=np.uint8), np.ones((32, 32), dtype=np.uint8))
    plain = _write_video(tmp_path / "plain.mp4", [stored] * 2)
    # Mirrored first, left for right, then turned clockwise by quarters.
    x, y = (-1 if mirrored else 1, 0), (0, 1)  # where the stored axes point in the shown picture
    for _ in range(turns):
        x, y = (-x[1], x[0]), (-y[1], y[0])
    clip = _with_matrix(plain, tmp_path / "shown.mp4", a=x[0], b=x[1], c=y[0], d=y[1])
    shown = next(open_media(clip).frames())[:, :, 0]
    expected = np.rot90(stored[:, ::-1] if mirrored else stored, -turns)
    assert shown.shape == expected.shape
    assert np.abs(shown.astype(int) - expected).mean() < 8  # lossy coding


def _write_video(path: Path, pictures: list[np.ndarray], *, times: list[int] | None = None, rate: int = 10) -> Path:
    """Write grey pictures; `times` in milliseconds, else `rate` a second."""
    import av

    with av.open(f"file:{path}", "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.height, stream.width = pictures[0].shape
        stream.bit_rate = 4_000_000
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.repeat(picture[:, :, None], 3, axis=2), format="rgb24")
            frame.time_base, frame.pts = Fraction(1, 1000), times[number] if times else number * 1000 // rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


GREYS = [np.full((64, 96), level, dtype=np.uint8) for level in (20, 90, 160, 230)]


def test_presentation_times_are_kept_at_variable_rate_and_from_a_late_start(tmp_path: Path) -> None:
    # Matroska keeps the times as they are; MP4 would start at 0 with an edit list for the wait.
    clip = _write_video(tmp_path / "variable.mkv", GREYS, times=[1400, 1440, 1900, 2000])
    assert [seconds for seconds, _ in open_media(clip).timed_frames()] == pytest.approx([1.4, 1.44, 1.9, 2.0])


def test_an_edit_list_hides_what_a_player_does_not_show(tmp_path: Path) -> None:
    clip = _write_video(tmp_path / "whole.mp4", GREYS * 3)
    data = clip.read_bytes()
    at = data.index(b"elst")
    version, count, duration, start = data[at + 4], *struct.unpack(">IIi", data[at + 8 : at + 20])
    assert (version, count) == (0, 1)
    scale = struct.unpack(">I", data[(m := data.index(b"mdhd")) + 16 : m + 20])[0]
    cut = tmp_path / "cut.mp4"
    moved = struct.pack(">i", start + scale // 2)  # the first half second is cut away
    shorter = struct.pack(">I", duration - 500)  # in the movie's milliseconds
    cut.write_bytes(data[: at + 12] + shorter + moved + data[at + 20 :])
    whole, shown = (list(open_media(file).timed_frames()) for file in (clip, cut))
    assert (len(whole), len(shown)) == (12, 7)
    assert shown[0][0] == pytest.approx(0, abs=0.01)
    assert np.abs(shown[0][1].astype(int) - whole[5][1]).mean() < 4


def test_a_music_files_cover_is_no_video(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "song.mp4"), "w") as container:
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        sound = container.add_stream("aac", rate=8000, layout="mono")
        container.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), dtype=np.uint8), format="rgb24")))
        container.mux(cover.encode(None))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        silence.sample_rate = 8000
        container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
    with pytest.raises(DfecsError, match="no video in this file"):
        open_media(tmp_path / "song.mp4")


def test_a_file_that_ends_before_its_declared_length_says_how_much_there_is(samples: Path, tmp_path: Path) -> None:
    import av

    whole = tmp_path / "front.mp4"  # with the index in front, as web videos have it
    options = {"movflags": "faststart"}
    with av.open(str(samples / "single_face.mp4")) as source, av.open(str(whole), "w", options=options) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    assert len(list(open_media(whole).frames())) == 72
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.warns(
        UserWarning, match=r"cut\.mp4: the file ends early: \d+ of 72 frames, \d\.\d of 2\.4 s can be read"
    ):
        frames = list(open_media(cut).frames())
    assert 10 < len(frames) < 60


def test_names_with_a_colon_are_files(tmp_path: Path) -> None:
    clip = _write_video(tmp_path / "10:30 interview.mp4", GREYS)
    assert len(list(open_media(clip).frames())) == 4


@pytest.mark.parametrize("white", [4095, 65535])
def test_grey_of_sixteen_bits_is_scaled_to_eight(white: int, tmp_path: Path) -> None:
    ramp = np.linspace(0, white, 64).astype(np.uint16)[None].repeat(4, axis=0)
    for name in ("camera.png", "camera.tif"):
        Image.fromarray(ramp).save(tmp_path / name)
        shown = next(open_media(tmp_path / name).frames())
        assert np.abs(shown[0, :, 1] - np.linspace(0, 255, 64)).max() <= 1


@pytest.mark.parametrize("name", ["pages.tif", "moving.png", "moving.webp", "moving.gif"])
def test_every_page_of_a_file_is_a_frame(name: str, tmp_path: Path) -> None:
    first, *others = [Image.fromarray(grey).convert("RGB") for grey in GREYS]
    first.save(tmp_path / name, save_all=True, append_images=others, duration=[40, 40, 400, 40], lossless=True)
    media = open_media(tmp_path / name)
    found = list(media.timed_frames())
    assert media.n_frames == len(found) == 4
    assert [int(picture[0, 0, 0]) for _, picture in found] == pytest.approx([20, 90, 160, 230], abs=3)
    times = [seconds for seconds, _ in found]
    assert np.isnan(times).all() if name == "pages.tif" else times == pytest.approx([0, 0.04, 0.08, 0.48])


def test_a_thumbnail_in_a_tiff_is_no_frame(tmp_path: Path) -> None:
    small = Image.new("L", (8, 8))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    Image.new("L", (64, 64), 200).save(tmp_path / "scan.tif", save_all=True, append_images=[small])
    assert [f.shape for f in open_media(tmp_path / "scan.tif").frames()] == [(64, 64, 3)]
