"""The first preprocessing step: a face seen from any side, as it would look from the front."""

from __future__ import annotations

import hashlib
import os

import pandas as pd
from numpy.typing import ArrayLike

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import DISFA66, IBUG68, Scheme
from dfecs_lib.preprocessing.base import KeypointTransformer, Rows
from dfecs_lib.preprocessing.linear import frontalize_linear, load_weights
from dfecs_lib.preprocessing.pose import frontalize_pose

__all__ = ["Frontalizer"]

METHODS = ("pose", "linear")


class Frontalizer(KeypointTransformer):
    """Show every face as it would look from the front.

    Parameters
    ----------
    method : {"pose", "linear"}
        "pose": fit a 3-D head (mean, identity and expression modes) by scaled orthography, undo its rotation, keep
        the shape; needs no weights, works on every scheme and on frames that lack some points. A mesh is turned by its
        iBUG points, see `fit_frontal`.
        "linear": the published map of Vonikakis and Winkler (ICIP 2020): centre, unit root-mean-square radius, eyes
        level, then ``[x_0 … x_67, y_0 … y_67, 1] · weights``; 68 points, or 66 with estimated inner mouth corners.
    weights : array-like of shape (137, 136), or path of a .npy file
        For method "linear" only: inputs in rows, outputs in columns.

    Notes
    -----
    "pose" returns px in the registered frame (about 800 px wide), "linear" faces of unit root-mean-square radius, as
    published. `AffineRegistration`, which follows, removes the difference. A frame on which the fit is not
    possible ("linear": any missing point; "pose": too few rigid ones, or turned far away) becomes NaN; other NaN
    stay NaN. "pose" treats every frame by itself.

    Examples
    --------
    >>> import numpy as np
    >>> from dfecs_lib.anatomy.head import load_head
    >>> face = load_head().mean[:, :2].T.reshape(1, -1)
    >>> frontal = Frontalizer().fit_transform(2 * face + 100)
    >>> bool(abs(frontal[0, 16] - frontal[0, 0] - 800) < 1)
    True
    """

    def __init__(self, method: str = "pose", weights: ArrayLike | str | os.PathLike[str] | None = None) -> None:
        self.method = method
        self.weights = weights

    def _check(self, scheme: Scheme) -> None:
        if self.method not in METHODS:
            raise DfecsError(f"unknown frontalization method {self.method!r}; known: {', '.join(METHODS)}")
        if self.method == "pose":
            if self.weights is not None:
                raise DfecsError("frontalization weights are for method='linear'; method='pose' uses none")
            return
        load_weights(self.weights)
        if scheme not in (IBUG68, DISFA66):
            raise DfecsError(
                f"method='linear' needs the 68 iBUG points (or DISFA's 66), and the scheme {scheme.name!r} "
                "does not have them; use method='pose'"
            )

    def _apply(self, values: Rows, scheme: Scheme, X: pd.DataFrame | ArrayLike) -> Rows:  # noqa: ARG002
        if self.method == "linear":
            return frontalize_linear(values, scheme, load_weights(self.weights))
        return frontalize_pose(values, scheme)

    def _history(self) -> tuple[str, dict[str, object]]:
        parameters: dict[str, object] = {"method": self.method}
        if self.method == "linear":
            parameters["weights_sha256"] = hashlib.sha256(load_weights(self.weights).tobytes()).hexdigest()
        return "frontalize", parameters
