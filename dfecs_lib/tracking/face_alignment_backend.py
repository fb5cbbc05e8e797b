"""face-alignment (FAN): 68 points with a score each; needs torch, and its weights, downloaded at first use.

References
----------
A. Bulat and G. Tzimiropoulos, "How far are we from solving the 2D & 3D face alignment problem?", ICCV 2017.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.tracking.backends import Detection, Image

__all__ = ["FaceAlignmentBackend"]

_LANDMARKS = "2DFAN4-11f355bf06.pth.tar"
#: The files that each of the package's detectors (1.5) looks for, beside the landmarks'.
_DETECTORS: dict[str, tuple[str, ...]] = {
    "sfd": ("s3fd-619a316812.pth",),
    "blazeface": ("blazeface.pth", "anchors.npy"),
    "dlib": (),
    "retinaface": ("retinaface_mobilenet0.25.pth",),
    "scrfd": ("scrfd_2.5g_bnkps.onnx",),
    "yunet": ("face_detection_yunet_2023mar.onnx",),
}


def _checkpoints() -> Path:
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints"


@contextmanager
def _weights_from(folder: str | None) -> Iterator[None]:
    """Let torch look for weights in `folder`, by the name that it insists on."""
    if folder is None:
        yield
        return
    import torch

    before = torch.hub._hub_dir  # None where $TORCH_HOME decides, which set_dir could not bring back
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "checkpoints").symlink_to(Path(folder).resolve(), target_is_directory=True)
        torch.hub.set_dir(place)
        try:
            yield
        finally:
            torch.hub._hub_dir = before


def _files_of(detector: str, device: str) -> tuple[str, ...]:
    extra = ("mmod_human_face_detector.dat",) if detector == "dlib" and device.startswith("cuda") else ()
    return (_LANDMARKS, *_DETECTORS[detector], *extra)


class FaceAlignmentBackend:
    """All faces; confidence is the mean of the 68 heat-map scores (about 0 to 1).

    Parameters
    ----------
    device : str, optional
        As torch names it; by default the first GPU where there is one, else ``"cpu"``.
    detector : str, default "sfd"
        The package's face detector: sfd, blazeface, dlib, retinaface, scrfd or yunet.
    batch : int, default 8
        Frames that are given to the networks at once; less needs less memory, and changes nothing else.
    weights : str, optional
        Folder with the files of the networks. By default ``checkpoints`` in torch's hub folder (``$TORCH_HOME/hub``),
        into which they are downloaded.
    min_confidence : float, default 0.0
        Confidence below which there is no face.
    """

    scheme = "ibug68"
    packages = ("face-alignment", "torch")
    extra = "face-alignment"
    revision = 2
    batch = 8

    def __init__(
        self,
        *,
        device: str | None = None,
        detector: str = "sfd",
        batch: int = 8,
        weights: str | None = None,
        min_confidence: float = 0.0,
    ) -> None:
        if detector not in _DETECTORS:
            raise DfecsError(f"face-alignment has no detector {detector!r}; it has: {', '.join(_DETECTORS)}")
        if batch < 1:
            raise DfecsError(f"face-alignment: batch must be 1 or more, not {batch}")
        if weights is not None and not Path(weights).is_dir():
            raise DfecsError(f"{weights}: no such folder of weights")
        import face_alignment
        import torch

        self.batch = int(batch)
        self._threshold = float(min_confidence)
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        place = Path(weights) if weights else _checkpoints()
        missing = [name for name in _files_of(detector, device) if not (place / name).is_file()]
        try:
            with _weights_from(weights), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the package calls its own detectors outdated
                # compile=True, the package's default, takes minutes to warm up and changes no result.
                self._model = face_alignment.FaceAlignment(
                    face_alignment.LandmarksType.TWO_D,
                    device=device,
                    face_detector=detector,
                    compile=False,
                    max_batch_size=self.batch,
                )
        except OSError as error:  # URLError among them
            raise DfecsError(
                f"face-alignment could not download its weights ({getattr(error, 'reason', error)}); go online once, "
                f"or put {' and '.join(missing) or 'them'} into {place}, or name their folder as the setting weights="
            ) from error
        except (RuntimeError, ValueError, EOFError) as error:  # torch's ways of saying "not these weights"
            reason = str(error).splitlines()[0]
            raise DfecsError(f"{place}: weights that face-alignment cannot use ({reason})") from error
        self._whole_batches = detector == "sfd"

    def faces(self, images: Sequence[Image]) -> list[list[Detection]]:
        """Return all faces of each of the next frames."""
        boxes = self._boxes(images)
        found: list[list[Detection]] = [[] for _ in images]
        owners = [k for k, of_frame in enumerate(boxes) for _ in of_frame]
        if not owners:
            return found
        # The package's batches hold the faces of one picture; so the frames are stacked into one, black around them for
        # as far as a crop around a face may reach out of its frame: the package rounds otherwise outside of a picture.
        gap = int(2 * max(max(box[2] - box[0], box[3] - box[1]) for of_frame in boxes for box in of_frame)) + 2
        tops = gap + np.cumsum([0, *(image.shape[0] + gap for image in images[:-1])])
        wide = max(image.shape[1] for image in images) + 2 * gap
        sheet = np.zeros((tops[-1] + images[-1].shape[0] + gap, wide, 3), dtype=np.uint8)
        for top, image in zip(tops, images, strict=True):
            sheet[top : top + image.shape[0], gap : gap + image.shape[1]] = image
        placed = [box + np.array([gap, tops[k], gap, tops[k]]) for k, of_frame in enumerate(boxes) for box in of_frame]
        landmarks, scores, _ = self._model.get_landmarks_from_image(
            sheet, detected_faces=placed, return_landmark_score=True, return_bboxes=True
        )
        all_boxes = [box for of_frame in boxes for box in of_frame]
        for k, box, points, score in zip(owners, all_boxes, landmarks, scores, strict=True):
            confidence = float(np.mean(score))
            if confidence >= self._threshold:
                at = np.asarray(points, dtype=np.float64)[:, :2] - np.array([float(gap), float(tops[k])])
                found[k].append(Detection(at, confidence, box))
        return found

    def close(self) -> None:
        """Nothing to free."""

    def _boxes(self, images: Sequence[Image]) -> list[list[NDArray[np.float64]]]:
        detector = self._model.face_detector
        if self._whole_batches and len(images) > 1 and len({image.shape for image in images}) == 1:
            import torch

            each = detector.detect_from_batch(torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2).copy()))
        else:
            each = [detector.detect_from_image(image.copy()) for image in images]
        return [[np.asarray(box, dtype=np.float64)[:4] for box in of_frame] for of_frame in each]
