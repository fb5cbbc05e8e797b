"""Videos of the manifest: hidden faces are left out and counted, known neutral frames are handed on."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
import yaml

from dfecs_lib.data.manifest import Entry, load_manifest
from dfecs_lib.data.videos import read_videos, video_files
from dfecs_lib.errors import DfecsError


@pytest.fixture
def entry(samples: Path, tmp_path: Path) -> Entry:
    """A real clip twice, as two recordings of one person, and one that is not on this machine."""
    folder = tmp_path / "data" / "mine"
    folder.mkdir(parents=True)
    for name in ("one.mp4", "two.mp4"):
        shutil.copy(samples / "single_face.mp4", folder / name)
    facts = {"sha256": hashlib.sha256((folder / "one.mp4").read_bytes()).hexdigest(), "size": 208428}
    hidden = [{"frames": "30-39", "reason": "a hand at the chin"}, {"frames": "70-90", "reason": "out of sight"}]
    files = [
        {"name": "one.mp4", **facts, "subject": "she", "neutral": "0-16", "occluded": hidden},
        {"name": "two.mp4", **facts, "subject": "she"},
        {"name": "three.mp4", **facts},
    ]
    given = {"title": "t", "kind": "open", "licence": "MIT", "citation": "c", "how": "Ask.", "reader": "video"}
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text(yaml.safe_dump({"datasets": {"mine": {**given, "files": files}}}))
    return load_manifest(manifest)["mine"]


def test_hidden_faces_are_left_out_and_known_neutral_frames_handed_on(entry: Entry, tmp_path: Path) -> None:
    videos = read_videos(entry, cache=tmp_path / "tracks")
    keys = videos.keypoints.index.droplevel("frame").unique().tolist()
    assert keys == [("mine", "she", "one"), ("mine", "she", "two")]
    one, two = (videos.keypoints.xs(name, level="recording") for name in ("one", "two"))
    frames = one.index.get_level_values("frame")
    assert frames.tolist() == [*range(30), *range(40, 70)]
    assert len(two) == 72
    assert videos.report.dropped == 12
    text = str(videos.report)
    assert "one.mp4: frames 30-39 left out (a hand at the chin)." in text
    assert "three.mp4 is not on this machine. Ask." in text
    assert videos.neutral == {("mine", "she", "one"): 8}
    assert videos.keypoints.attrs["history"][-1] == {"operation": "leave_out_hidden", "frames": 12}


def test_one_recording_by_name(entry: Entry, tmp_path: Path) -> None:
    assert read_videos(entry, "two", cache=tmp_path).keypoints.index.get_level_values("recording").unique() == ["two"]
    with pytest.raises(DfecsError, match="mine has no recording 'four'; it has one, two, three"):
        video_files(entry, "four")
    with pytest.raises(DfecsError, match=r"mine cannot be fetched \(MIT\) Ask\."):
        read_videos(entry, "three", cache=tmp_path)
