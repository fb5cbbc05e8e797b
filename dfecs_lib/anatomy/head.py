"""A 3-D head of 68 keypoints: mean, identity modes, expression modes (made by `simulate.build_head`).

Axes, in millimetres: x to the image's right (the subject's left), y down, z away from the camera, which looks at the
face along +z; the tip of the nose has the smallest z. The origin lies inside the head, behind the bridge of the nose.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.errors import DfecsError

__all__ = ["Head3D", "load_head"]

_FILE = Path(__file__).with_name("head3d.json")


@dataclass(frozen=True)
class Head3D:
    """A linear 3-D face, ``mean + Σ identity_coefficient · mode + Σ intensity / 5 · expression``.

    Attributes
    ----------
    mean : ndarray of shape (68, 3)
        The neutral mean face in millimetres, symmetric in x; mouth closed, eyes open.
    identity : ndarray of shape (n_identity, 68, 3)
        Displacement, in millimetres, of one standard deviation of each identity mode.
    identity_names : tuple of str
        What each mode changes.
    expression : ndarray of shape (n_expression, 68, 3)
        Displacement, in millimetres, of a one-sided action unit at intensity 5 on the mean face.
    expression_names : tuple of str
        ``"AU12R"`` is the right (image-left) half of AU 12; actions that have no sides, such as ``"AU26"``, have no
        letter. Both halves together are the two-sided action.
    sources : mapping of str to str
        Where the figures come from, with licences.

    Examples
    --------
    >>> head = load_head()
    >>> head.mean.shape
    (68, 3)
    >>> bool(head.mean[30, 2] == head.mean[:, 2].min())  # the tip of the nose is nearest to the camera
    True
    """

    mean: NDArray[np.float64]
    identity: NDArray[np.float64]
    identity_names: tuple[str, ...]
    expression: NDArray[np.float64]
    expression_names: tuple[str, ...]
    sources: Mapping[str, str]

    def identities(self, coefficients: ArrayLike) -> NDArray[np.float64]:
        """Return neutral faces of shape (n, 68, 3) for identity coefficients of shape (n, n_identity).

        Parameters
        ----------
        coefficients : array-like of shape (n, n_identity)
            In standard deviations.

        Raises
        ------
        DfecsError
            If there is not one coefficient a mode.
        """
        return self.mean + _combine(coefficients, self.identity, "identity")

    def expressions(self, intensities: ArrayLike) -> NDArray[np.float64]:
        """Return displacements of shape (n, 68, 3) for intensities 0–5 of shape (n, n_expression); linear."""
        return _combine(np.asarray(intensities, dtype=np.float64) / 5.0, self.expression, "expression")


def _combine(weights: ArrayLike, modes: NDArray[np.float64], what: str) -> NDArray[np.float64]:
    w = np.asarray(weights, dtype=np.float64)
    if w.ndim != 2 or w.shape[1] != len(modes):
        raise DfecsError(f"{what} coefficients must have the shape (n, {len(modes)}), not {w.shape}")
    result: NDArray[np.float64] = (w @ modes.reshape(len(modes), -1)).reshape(len(w), 68, 3)
    return result


def _array(values: object, *shape: int) -> NDArray[np.float64]:
    array = np.array(values, dtype=np.float64).reshape(shape)
    array.setflags(write=False)  # one copy is shared by all callers
    return array


@lru_cache(maxsize=1)
def load_head() -> Head3D:
    """Return the head that comes with the library; its arrays are read-only.

    Examples
    --------
    >>> load_head().identities(np.zeros((2, len(load_head().identity)))).shape
    (2, 68, 3)
    """
    content = json.loads(_FILE.read_text(encoding="utf-8"))
    identity, expression = content["identity"], content["expression"]
    return Head3D(
        mean=_array(content["mean"], 68, 3),
        identity=_array(list(identity.values()), len(identity), 68, 3),
        identity_names=tuple(identity),
        expression=_array(list(expression.values()), len(expression), 68, 3),
        expression_names=tuple(expression),
        sources=content["sources"],
    )
