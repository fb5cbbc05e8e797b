"""The face between the 68 keypoints: where a scheme's points lie on the 3-D head, and whose neighbours they are.

What is known at iBUG's points, such as a correction, a part's displacement or a person's shape, is carried to the
points between them by fixed weights (D. Shepard, "A two-dimensional interpolation function for irregularly-spaced
data", ACM 1968):

``w_kj = d_kj^-p / Σ_i d_ki^-p,   p = 3``

with the distance d of point k from iBUG's point j on the mean face, in space. Weights are not negative and sum to one,
so that a blend of rigid motions stays between them; a point that stands for one of iBUG's has that one's weight alone,
so that it moves exactly as it does in a table of 68 points.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.anatomy.head import load_head
from dfecs_lib.keypoints.dense import MESH_FILE
from dfecs_lib.keypoints.schemes import MEDIAPIPE478, Scheme, get_scheme, made_of

__all__ = ["Skin", "skin"]

_POWER = 3.0


@dataclass(frozen=True)
class Skin:
    """A scheme's points on the mean head.

    Attributes
    ----------
    mean : ndarray of shape (K, 3)
        Millimetres, axes of `dfecs_lib.anatomy.head`; the points that stand for iBUG's lie where the head has them.
    weights : ndarray of shape (K, P)
        From the scheme's P iBUG points, in their order, to all its points; rows sum to one.
    """

    mean: NDArray[np.float64]
    weights: NDArray[np.float64]

    def carried(self, known: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values (..., K) at all points for values (..., P) at iBUG's; those that are NaN are passed over.

        Examples
        --------
        >>> import numpy as np
        >>> skin("mediapipe478").carried(np.ones(68)).shape
        (478,)
        """
        seen = np.isfinite(known)
        if seen.all():
            return np.asarray(known @ self.weights.T)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((np.where(seen, known, 0.0) @ self.weights.T) / (seen @ self.weights.T))


@lru_cache(maxsize=16)
def skin(scheme: str | Scheme) -> Skin:
    """Return where a scheme's points lie and how they hang on iBUG's; arrays are read-only.

    Examples
    --------
    >>> skin("wflw98").mean.shape, skin("bp4d49").weights.shape
    ((98, 3), (49, 49))
    """
    known = get_scheme(scheme)
    ibug, source = list(known.ibug), list(known.source)
    head = load_head().mean[ibug]
    if not known.dense:
        found = Skin(head.copy(), np.eye(known.n_points))
    else:
        mesh = np.array(json.loads(MESH_FILE.read_text(encoding="utf-8"))["mean"], dtype=np.float64)
        made = made_of(known, MEDIAPIPE478)
        assert made is not None
        mean = np.array([mesh[list(where)].mean(axis=0) for where in made])
        # Points of one place, as two lids' at the corner of an eye, would share their weight: iBUG's come first.
        distance = np.linalg.norm(mean[:, None] - mean[source][None], axis=2)
        weights = 1.0 / np.maximum(distance, 1e-6) ** _POWER
        weights[source] = np.eye(len(source))
        weights /= weights.sum(axis=1, keepdims=True)
        # The head's points lie where 68-point trackers put them: the skin between them is drawn along.
        found = Skin(mean + weights @ (head - mean[source]), weights)
    for array in (found.mean, found.weights):
        array.setflags(write=False)
    return found
