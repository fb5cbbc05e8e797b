"""Do the points lie as a face's do? Tables with y up, mirrored, in fractions of the picture, or of something else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.anatomy.head import load_head
from dfecs_lib.keypoints import Scheme

__all__ = ["Layout", "layout_of"]

_MOST_FRAMES = 60
_MOST_POINTS = 0.7  # of a face whose shape says something
#: Likeness to the mean face is the cosine of two shapes after the best turn and scale; real faces, turned by up to 60
#: degrees too, have 0.85 and more, points in another order less than half of it.
_LIKE, _UNLIKE = 0.8, 0.6


@dataclass(frozen=True)
class Layout:
    """What was seen.

    Parameters
    ----------
    likeness : float
        To the mean face, 0-1, the better of the face as it is and its mirror image; the median over frames.
    flip : str
        ``"y"`` where y points up, ``"x"`` where the picture's sides are exchanged, ``"xy"`` where x and y are
        exchanged, else ``""``.
    fractions : bool
        Whether coordinates are fractions of the picture's width and height rather than pixels.
    nothing : bool
        Whether all points of every frame lie in one place.
    """

    likeness: float
    flip: str
    fractions: bool
    nothing: bool

    @property
    def unlike_a_face(self) -> bool:
        """Whether the points are those of something else, or in another order."""
        return self.likeness < _UNLIKE


@lru_cache(maxsize=1)
def _mean_face() -> NDArray[np.complex128]:
    face = load_head().mean
    return np.asarray(face[:, 0] + 1j * face[:, 1], dtype=np.complex128)


def layout_of(rows: NDArray[np.float64], scheme: Scheme) -> Layout | None:
    """Compare faces with the mean face.

    A face's numbering has sides: reflected, it fits the mean face worse than its own mirror image does. Which of x and
    y is reflected, is told from what is up: a reflected face whose brows are above its mouth is mirrored, one whose
    brows are below it has y upwards.

    Parameters
    ----------
    rows : ndarray of shape (n_frames, 2K)
        ``[x_0 … x_{K-1}, y_0 … y_{K-1}]``, NaN where a point, or a face, is missing.
    scheme : Scheme

    Returns
    -------
    Layout or None
        None where no frame has enough points to say anything.
    """
    known = list(scheme.ibug)
    where = scheme.positions(known)
    found = np.flatnonzero(np.isfinite(rows[:, where[0]]) | np.isfinite(rows[:, where[-1]]))
    some = found[np.linspace(0, len(found) - 1, min(len(found), _MOST_FRAMES)).astype(np.intp)]
    shapes = np.stack([rows[some][:, where], rows[some][:, where + scheme.n_points]], axis=2)
    shapes = shapes[np.isfinite(shapes).all(axis=2).mean(axis=1) > _MOST_POINTS]
    if not len(shapes):
        return None
    z = shapes[..., 0] + 1j * shapes[..., 1]
    there = np.isfinite(z)
    face = np.where(there, _mean_face()[known], 0)
    z = np.where(there, z, 0)
    counts = there.sum(axis=1, keepdims=True)
    z = np.where(there, z - z.sum(axis=1, keepdims=True) / counts, 0)
    face = np.where(there, face - face.sum(axis=1, keepdims=True) / counts, 0)
    norm = np.linalg.norm(z, axis=1)
    extent = np.abs(np.nan_to_num(shapes)).max(axis=(1, 2))
    seen = norm > 1e-9 * np.maximum(extent, 1e-300)
    if not seen.any():
        return Layout(0.0, "", fractions=False, nothing=True)
    z, face, norm = z[seen], face[seen], norm[seen]
    scale = norm * np.linalg.norm(face, axis=1)
    as_is = np.abs((z * face.conj()).sum(axis=1)) / scale
    turned = (z * face).sum(axis=1)  # the mirror image of z in the x axis, conj(z), against the face
    mirrored = np.abs(turned) / scale
    reflected = float(np.median(mirrored)) > max(float(np.median(as_is)), _LIKE)
    up, aside = float(np.median(turned.real / scale)), float(np.median(np.abs(turned.imag) / scale))
    flip = "" if not reflected else "xy" if aside > abs(up) else "y" if up > 0 else "x"
    low, high = np.nanquantile(shapes, [0.005, 0.995])
    sides = np.nanmax(shapes, axis=1) - np.nanmin(shapes, axis=1)
    fractions = bool(low > -0.5 and high < 1.5 and float(np.median(sides)) < 1.0)
    likeness = max(float(np.median(as_is)), float(np.median(mirrored)))
    return Layout(likeness, flip, fractions, nothing=False)
