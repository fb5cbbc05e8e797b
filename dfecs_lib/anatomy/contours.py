"""The lines that join a face's keypoints: what is drawn, and which keypoints are neighbours along the skin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.keypoints.schemes import Scheme, get_scheme

__all__ = ["CONTOURS", "contours"]

#: Open and closed lines through the iBUG-68 keypoints; the last is the inner lip.
CONTOURS: tuple[tuple[int, ...], ...] = (
    tuple(range(0, 17)),
    tuple(range(17, 22)),
    tuple(range(22, 27)),
    tuple(range(27, 31)),
    tuple(range(31, 36)),
    (*range(36, 42), 36),
    (*range(42, 48), 42),
    (*range(48, 60), 48),
    (*range(60, 68), 60),
)
# The inner lip is drawn from mouth corner to mouth corner where its own corners are not tracked.
_INNER_LIP_WITHOUT_CORNERS = (48, 61, 62, 63, 54, 65, 66, 67, 48)


def contours(scheme: str | Scheme) -> list[NDArray[np.intp]]:
    """Return the lines of a drawn face: arrays of positions in the scheme, in drawing order, closed ones closed.

    Examples
    --------
    >>> len(contours("ibug68")), len(contours("bp4d49"))
    (9, 8)
    """
    known = get_scheme(scheme)
    lines = CONTOURS if known.has(60, 64) else (*CONTOURS[:-1], _INNER_LIP_WITHOUT_CORNERS)
    return [known.positions(line) for line in lines if known.has(*line)]
