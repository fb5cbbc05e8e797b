"""Names of the 68 iBUG keypoints for people. Sides are the subject's own."""

from __future__ import annotations

from dfecs_lib.keypoints.schemes import IBUG68

__all__ = ["PARTS", "keypoint_name"]

#: Face parts as a rater sees them, with their keypoints.
PARTS: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("brows", "Eyebrows", tuple(range(17, 27))),
    ("eyes", "Eyes", tuple(range(36, 48))),
    ("nose", "Nose", tuple(range(27, 36))),
    ("mouth", "Mouth", tuple(range(48, 68))),
    ("jaw", "Jaw line", tuple(range(17))),
)

_RIGHT = {
    **{k: f"jaw line, right, {name}" for k, name in enumerate(("at the ear", "below the ear", "cheek"))},
    3: "jaw line, right, above the angle",
    4: "jaw line, right, at the angle",
    5: "jaw line, right, below the angle",
    6: "jaw line, right, towards the chin",
    7: "chin, right",
    17: "right eyebrow, outer end",
    18: "right eyebrow, outer part",
    19: "right eyebrow, middle",
    20: "right eyebrow, inner part",
    21: "right eyebrow, inner end",
    31: "right nostril, outer edge",
    32: "right nostril, inner edge",
    36: "right eye, outer corner",
    37: "right upper eyelid, outer",
    38: "right upper eyelid, inner",
    39: "right eye, inner corner",
    40: "right lower eyelid, inner",
    41: "right lower eyelid, outer",
    48: "right mouth corner",
    49: "upper lip, right, near the corner",
    50: "upper lip, right peak",
    58: "lower lip, right, near the middle",
    59: "lower lip, right, near the corner",
    60: "right mouth corner, inner",
    61: "upper lip, inner edge, right",
    67: "lower lip, inner edge, right",
}
_MIDDLE = {
    8: "chin, middle",
    27: "nose, root",
    28: "nose, bridge, upper",
    29: "nose, bridge, lower",
    30: "nose, tip",
    33: "nose, base",
    51: "upper lip, middle",
    57: "lower lip, middle",
    62: "upper lip, inner edge, middle",
    66: "lower lip, inner edge, middle",
}


def keypoint_name(keypoint: int) -> str:
    """Return the name of an iBUG-68 keypoint in plain words.

    Examples
    --------
    >>> keypoint_name(54), keypoint_name(8)
    ('left mouth corner', 'chin, middle')
    """
    if keypoint in _MIDDLE:
        return _MIDDLE[keypoint]
    if keypoint in _RIGHT:
        return _RIGHT[keypoint]
    return _RIGHT[int(IBUG68.mirror[keypoint])].replace("right", "left")
