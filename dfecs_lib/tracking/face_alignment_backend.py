"""face-alignment (FAN): 68 points with a score each; needs torch, and its weights, downloaded at first use.

References
----------
A. Bulat and G. Tzimiropoulos, "How far are we from solving the 2D & 3D face alignment problem?", ICCV 2017.
"""

from __future__ import annotations

import warnings
from urllib.error import URLError

import numpy as np

from dfecs_lib.errors import DfecsError
from dfecs_lib.tracking.backends import Detection, Image

__all__ = ["FaceAlignmentBackend"]


class FaceAlignmentBackend:
    """Largest face by the detector's box; confidence is the mean of the 68 heat-map scores (about 0 to 1).

    Parameters
    ----------
    device : str, default "cpu"
        As torch names it.
    detector : str, default "sfd"
        The package's face detector.
    """

    scheme = "ibug68"
    packages = ("face-alignment", "torch")
    extra = "face-alignment"
    revision = 1

    def __init__(self, *, device: str = "cpu", detector: str = "sfd") -> None:
        import face_alignment

        try:
            # compile=True, the package's default, takes minutes to warm up and changes no result.
            self._model = face_alignment.FaceAlignment(
                face_alignment.LandmarksType.TWO_D, device=device, face_detector=detector, compile=False
            )
        except URLError as error:
            raise DfecsError(
                f"face-alignment could not download its weights ({error.reason}); go online once, or put "
                "2DFAN4-11f355bf06.pth.tar and s3fd-619a316812.pth into $TORCH_HOME/hub/checkpoints"
            ) from error

    def detect(self, image: Image) -> Detection | None:
        """Return the face of the next frame, or None."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package warns of every frame without a face
            found = self._model.get_landmarks_from_image(image, return_landmark_score=True, return_bboxes=True)
        landmarks, scores, boxes = found if found is not None else (None, None, None)
        if landmarks is None or boxes is None or not len(landmarks):
            return None
        areas = [float((b[2] - b[0]) * (b[3] - b[1])) for b in boxes]
        largest = int(np.argmax(areas))
        confidence = float(np.mean(scores[largest])) if scores is not None else float("nan")
        return Detection(np.asarray(landmarks[largest], dtype=np.float64)[:, :2], confidence)

    def close(self) -> None:
        """Nothing to free."""
