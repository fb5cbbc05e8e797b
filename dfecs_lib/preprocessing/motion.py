"""Keypoint motion: what is left of a registered face when the same subject's neutral face is taken off."""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import FrameOrArray, coordinates, in_order, make_table, record, scheme_of
from dfecs_lib.preprocessing.neutral import DEFAULT_METHOD, choose_neutral, recordings_with_a_face

__all__ = ["KeypointMotion", "motion_vectors", "neutral_rows"]


def motion_vectors(registered: pd.DataFrame | ArrayLike, neutral: pd.DataFrame | ArrayLike) -> FrameOrArray:
    """Return keypoint motion (KPM), ``registered − neutral``, in registered pixels.

    Parameters
    ----------
    registered : keypoint table, or array-like of shape (n_frames, 2K)
        Faces that a preprocessor has registered.
    neutral : keypoint table, or array-like of shape (2K,) or (1, 2K)
        Neutral faces, registered by the same preprocessor. In a table, each recording uses the row of the same
        (dataset, subject, recording), else the one of the same (dataset, subject).

    Returns
    -------
    DataFrame or ndarray of shape (n_frames, 2K)
        Missing points stay NaN, and points that the neutral face lacks become NaN.

    Raises
    ------
    DfecsError
        If a recording has no neutral row, or several; if the two differ in scheme; or if a table meets an array
        that is not one row.

    Examples
    --------
    >>> import numpy as np
    >>> motion_vectors(np.full((2, 136), 3.0), np.ones(136))[1, 0]
    np.float64(2.0)
    """
    if not isinstance(neutral, pd.DataFrame):
        row = np.asarray(neutral, dtype=np.float64)
        row = row[None] if row.ndim == 1 else row
        if isinstance(registered, pd.DataFrame):
            registered = in_order(registered)
        values = np.asarray(registered, dtype=np.float64)
        if values.ndim != 2 or row.shape != (1, values.shape[1]):
            raise DfecsError(
                f"one neutral face of shape ({values.shape[-1]},) is needed for faces of shape {values.shape}, "
                f"not an array of shape {np.shape(neutral)}"
            )
        if not isinstance(registered, pd.DataFrame):
            return np.asarray(values - row)
        return record(registered - row, "motion_vectors", neutral="one face for all")
    if not isinstance(registered, pd.DataFrame):
        raise DfecsError("a table of neutral faces needs a table of registered faces; give a single row for an array")
    if scheme_of(registered) != scheme_of(neutral):
        raise DfecsError(
            f"the faces are of scheme {scheme_of(registered).name!r}, the neutral faces of {scheme_of(neutral).name!r}"
        )
    registered, neutral = in_order(registered), in_order(neutral)
    rows = neutral.to_numpy()[neutral_rows(registered.index, neutral.index)]
    neutrals = ["/".join(map(str, key)) for key in neutral.index]
    return record(registered - rows, "motion_vectors", neutral=neutrals)


class KeypointMotion(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The step of a scikit-learn pipeline that turns registered faces into motion: K = faces − neutral face.

    Each call of `transform` chooses the neutral frames of the recordings that it is given: people that were not
    seen in `fit` have neutral faces of their own.

    Parameters
    ----------
    method : str
        See `dfecs_lib.neutral.choose_neutral`. An array is taken as one recording, its rows as frames in order.
    neutral : array-like of shape (2K,), optional
        One registered face that is neutral for all rows, instead.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from dfecs_lib import load
    >>> from dfecs_lib.ffm import FullFaceModel
    >>> from dfecs_lib.preprocessing import make_preprocessor
    >>> faces = load("sim-ckplus").keypoints.iloc[:300]
    >>> model = make_pipeline(make_preprocessor(), KeypointMotion(), FullFaceModel(n_units=3))
    >>> model.fit_transform(faces).shape
    (300, 3)
    """

    def __init__(self, method: str = DEFAULT_METHOD, neutral: ArrayLike | None = None) -> None:
        self.method = method
        self.neutral = neutral

    def fit(self, X: pd.DataFrame | ArrayLike, y: None = None) -> Self:  # noqa: ARG002
        """Check `X` of shape (n_frames, 2K); nothing is learnt from it."""
        self.n_features_in_ = coordinates(X).shape[1]
        return self

    def transform(self, X: pd.DataFrame | ArrayLike) -> FrameOrArray:
        """Return the motion of registered faces `X` of shape (n_frames, 2K); a table for a table."""
        if self.neutral is not None:
            return motion_vectors(X, np.asarray(self.neutral, dtype=np.float64))
        if isinstance(X, pd.DataFrame):
            faces = recordings_with_a_face(X)
            motion = motion_vectors(faces, choose_neutral(faces, self.method))
            assert isinstance(motion, pd.DataFrame)
            rows = motion.reindex(X.index)  # a recording without a face stays, as missing rows
            rows.attrs = motion.attrs
            return rows
        values = coordinates(X)
        if not len(values):
            return values
        table = make_table(values, scheme=scheme_of(values), frames=np.arange(len(values)))
        return motion_vectors(values, choose_neutral(table, self.method).to_numpy()[0])

    def __sklearn_is_fitted__(self) -> bool:
        return True


def neutral_rows(index: pd.Index, neutral: pd.Index) -> NDArray[np.intp]:
    """Return, for each row of `index`, the position of its neutral row."""
    if index.nlevels != 4 or neutral.nlevels != 4:
        raise DfecsError("both tables need the row index (dataset, subject, recording, frame)")
    found = np.full(len(index), -1, dtype=np.intp)
    several: list[str] = []
    for levels in (["dataset", "subject", "recording"], ["dataset", "subject"]):
        keys = pd.MultiIndex.from_arrays([index.get_level_values(name) for name in levels])
        known = pd.MultiIndex.from_arrays([neutral.get_level_values(name) for name in levels])
        open_rows = found < 0
        twice = known[known.duplicated()].unique()
        clash = open_rows & keys.isin(twice)
        if levels[-1] == "recording":
            several += ["/".join(map(str, key)) for key in keys[clash].unique()]
        elif clash.any():
            # A subject with neutral rows for some recordings only: no rule says which of them serves another one.
            open_rows &= ~clash
        unique = known[~known.duplicated()]
        positions = np.flatnonzero(~known.duplicated())
        place = unique.get_indexer(keys[open_rows])
        hit = place >= 0
        found[np.flatnonzero(open_rows)[hit]] = positions[place[hit]]
    if several:
        raise DfecsError(f"more than one neutral face for {_some(several)}")
    if (found < 0).any():
        keys = pd.MultiIndex.from_arrays([index.get_level_values(i) for i in range(3)])[found < 0]
        raise DfecsError(
            f"no neutral face for {_some(['/'.join(map(str, key)) for key in keys.unique()])}; "
            "give one row a recording, or one a subject (dfecs_lib.preprocessing.neutral.choose_neutral picks them)"
        )
    return found


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
