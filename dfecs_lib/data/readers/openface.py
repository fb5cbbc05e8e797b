"""OpenFace 1.x and 2.x CSV files (FeatureExtraction, FaceLandmarkVidMulti, FaceLandmarkImg)."""

from __future__ import annotations

from dfecs_lib.data.readers.columns import has_points
from dfecs_lib.data.readers.files import read_with
from dfecs_lib.data.readers.registry import FileReader
from dfecs_lib.data.readers.tabular import Dialect
from dfecs_lib.keypoints.labels import INTENSITY

__all__ = ["DIALECT", "MIN_CONFIDENCE", "READER"]

#: OpenFace's author reads a confidence below 0.7 as a failed landmark detection
#: (https://github.com/TadasBaltrusaitis/OpenFace/issues/270).
MIN_CONFIDENCE = 0.7

DIALECT = Dialect(
    "openface",
    "OpenFace CSV",
    confidence=("confidence",),
    success=("success",),
    min_confidence=MIN_CONFIDENCE,
    units=r"(AU\d{2})_r",
    unit=INTENSITY,
    pose={"pitch": "pose_Rx", "yaw": "pose_Ry", "roll": "pose_Rz"},
    radians=True,
    face=("face_id", "face"),
    picture=("filename", "file", "image"),
    tracker="OpenFace",
    # Other trackers' points are exported under OpenFace's names of columns (`dfecs track -o FILE.csv`), without these.
    marks=frozenset({"pose_Rx", "pose_Tx", "gaze_0_x", "p_scale", "X_0", "AU01_r", "AU01_c"}),
)
_ITS_OWN = {"success", "confidence", "pose_Rx", "gaze_0_x"}


def _sniff(_head: bytes, header: tuple[str, ...]) -> bool:
    return bool(_ITS_OWN & set(header)) if has_points(header) else {"success", "confidence"} <= set(header)


READER = FileReader(DIALECT.name, DIALECT.title, _sniff, read_with(DIALECT))
