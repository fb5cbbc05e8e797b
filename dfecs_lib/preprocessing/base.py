"""What every preprocessing step shares: table in, table out; array in, array out."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import FrameOrArray, Scheme, coordinates, like, record, scheme_of
from dfecs_lib.keypoints.threads import one_blas_thread

__all__ = ["KeypointTransformer"]

Rows = NDArray[np.float64]


class KeypointTransformer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A scikit-learn transformer of keypoint rows ``[x_0 … x_{K-1}, y_0 … y_{K-1}]``.

    A DataFrame comes back as a DataFrame with its index, columns and attrs, the step noted in ``attrs["history"]``;
    an array comes back as an array. Arguments are never changed in place.
    """

    def fit(self, X: pd.DataFrame | ArrayLike, y: None = None) -> Self:  # noqa: ARG002
        """Check `X` and remember its columns.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_frames, 2K)
            Keypoints.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        DfecsError
            If `X` fits no keypoint scheme or holds infinite numbers, or the settings are wrong.
        """
        values, scheme = self._read(X)
        self._check(scheme)
        self.n_features_in_ = values.shape[1]
        if isinstance(X, pd.DataFrame):
            self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def transform(self, X: pd.DataFrame | ArrayLike) -> FrameOrArray:
        """Return the transformed rows.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_frames, 2K)
            Keypoints; NaN where missing.

        Returns
        -------
        DataFrame or ndarray of shape (n_frames, 2K)
        """
        values, scheme = self._read(X)
        self._check(scheme)
        with one_blas_thread():
            moved = self._apply(values, scheme, X)
        if np.isfinite(values).any() and not np.isfinite(moved).any():
            warnings.warn(
                f"{type(self).__name__}: none of the {len(values)} frames is usable; points that hold a face in place "
                "are missing or lie in one place, or the points are in another order than a face's",
                stacklevel=2,
            )
        result = like(moved, X)
        if isinstance(result, pd.DataFrame):
            operation, parameters = self._history()
            return record(result, operation, **parameters)
        return result

    def __sklearn_is_fitted__(self) -> bool:
        return True  # nothing that transform needs is learnt: a fresh step, or one from a file, may be used at once

    @staticmethod
    def _read(X: pd.DataFrame | ArrayLike) -> tuple[Rows, Scheme]:
        values = coordinates(X)
        if np.isinf(values).any():
            raise DfecsError("keypoints hold infinite numbers; a missing point is NaN")
        return values, scheme_of(X if isinstance(X, pd.DataFrame) else values)

    def _check(self, scheme: Scheme) -> None:
        """Refuse settings or schemes that this step cannot work with."""

    @abstractmethod
    def _apply(self, values: Rows, scheme: Scheme, X: pd.DataFrame | ArrayLike) -> Rows:
        """Return the transformed rows, shape (n_frames, 2K)."""

    @abstractmethod
    def _history(self) -> tuple[str, dict[str, object]]:
        """Return the operation's name and its parameters, for ``attrs["history"]``."""
