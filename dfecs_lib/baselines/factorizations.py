"""Units by sparse PCA, dictionary learning, ICA, NMF and semi-NMF, around scikit-learn."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.cluster import KMeans
from sklearn.decomposition import NMF, FastICA, MiniBatchDictionaryLearning, MiniBatchSparsePCA
from sklearn.utils.validation import check_is_fitted

from dfecs_lib.baselines.offset import OffsetUnits, check_n_units, least_squares, scheme_name
from dfecs_lib.coding.encoders import direct
from dfecs_lib.coding.sparse_coding import Floats, code
from dfecs_lib.errors import DfecsError
from dfecs_lib.models.base import FrameOrFloats
from dfecs_lib.models.checks import check_choice, check_count, check_penalty

__all__ = ["PeerUnits"]

Method = Literal["sparse_pca", "dictionary", "ica", "nmf", "semi_nmf"]
_METHODS = ("sparse_pca", "dictionary", "ica", "nmf", "semi_nmf")
_CENTRED = ("sparse_pca", "ica")
_SIGNED = (*_CENTRED, "dictionary")


class PeerUnits(OffsetUnits):
    """Units by another well-known factorization, around scikit-learn.

    Parameters
    ----------
    method : {"sparse_pca", "dictionary", "ica", "nmf", "semi_nmf"}
        "sparse_pca": mini-batch sparse PCA; "ica": FastICA on as many principal components. Both are signed, centred,
        and coded by least squares. "dictionary": mini-batch dictionary learning, signed and coded alike, but not
        centred: learned for sums of few units with either sign. "nmf": non-negative matrix factorization of the
        motion's positive and negative halves side by side, [K⁺, K⁻] ≈ W·[H⁺, H⁻], units H⁺ − H⁻; "semi_nmf" (Ding, Li
        and Jordan, 2010): K ≈ W·H with W ≥ 0 and H free, by alternating non-negative and plain least squares. Both are
        coded by non-negative least squares.
    n_units : int
    alpha : float
        Penalty of sparse PCA and dictionary learning, on motion scaled to unit root mean square.
    max_iter : int
    random_state : int

    Attributes
    ----------
    components_ : array of shape (n_units, 2K)
        Unit length, most energetic first. Units that the method left empty are dropped.
    offset_ : array of shape (2K,)
        The mean motion for the centred methods, else zero.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> K = rng.exponential(20, (200, 3)) @ rng.normal(size=(3, 136))
    >>> PeerUnits("semi_nmf", 3).fit(K).transform(K[:2]).shape
    (2, 3)
    """

    def __init__(
        self,
        method: Method = "semi_nmf",
        n_units: int = 16,
        *,
        alpha: float = 1.0,
        max_iter: int = 200,
        random_state: int = 0,
    ) -> None:
        self.method = method
        self.n_units = n_units
        self.alpha = alpha
        self.max_iter = max_iter
        self.random_state = random_state

    def _check_settings(self) -> None:
        check_choice("method", self.method, _METHODS)
        check_count("max_iter", self.max_iter)
        check_penalty("alpha", self.alpha)

    def fit(
        self,
        X: FrameOrFloats | ArrayLike,
        y: object = None,  # noqa: ARG002 (scikit-learn's signature)
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learn units from keypoint motion X of shape (n_frames, 2K), in pixels; `y` is ignored."""
        self._check_settings()
        if sample_weight is not None:
            raise DfecsError("these units take no sample weights; draw frames instead (evaluation.sample_frames)")
        rows, _, _ = self._read_training(X, None)
        rows = rows.astype(np.float64)
        check_n_units(self.n_units, rows.shape[1])
        self.scheme_ = scheme_name(X)
        signed = self.method in _SIGNED
        self.offset_ = rows.mean(axis=0) if self.method in _CENTRED else np.zeros(rows.shape[1])
        try:
            units = getattr(self, f"_{self.method}")(rows - self.offset_)
        except ValueError as error:
            raise DfecsError(
                f"{self.method} finds no units in {len(rows)} frames ({error}); give more frames that differ"
            ) from error
        codes = (rows - self.offset_) @ np.linalg.pinv(units) if signed else code(rows, units, 0.0).codes
        self._keep(units, codes, signed)
        return self

    def transform(self, X: FrameOrFloats | ArrayLike) -> FrameOrFloats:
        """Encode motion of shape (n_frames, 2K); missing points are left out, a row without any gets NaN."""
        check_is_fitted(self)
        values = self._read(X, reset=False)
        signed = self.method in _SIGNED
        codes = least_squares(values, self.components_, self.offset_) if signed else direct(values, self.components_)
        return self._codes_like(codes, X)

    def _sparse_pca(self, rows: Floats) -> NDArray[np.float64]:
        scale = np.sqrt(np.square(rows).mean()) or 1.0
        model = MiniBatchSparsePCA(
            self.n_units, alpha=self.alpha, max_iter=self.max_iter, batch_size=64, random_state=self.random_state
        )
        return np.asarray(model.fit(rows / scale).components_)

    def _dictionary(self, rows: Floats) -> NDArray[np.float64]:
        scale = np.sqrt(np.square(rows).mean()) or 1.0
        model = MiniBatchDictionaryLearning(
            self.n_units,
            alpha=self.alpha,
            max_iter=self.max_iter,
            batch_size=64,
            fit_algorithm="cd",
            random_state=self.random_state,
        )
        return np.asarray(model.fit(rows / scale).components_)

    def _ica(self, rows: Floats) -> NDArray[np.float64]:
        # One unit at a time: the parallel algorithm can end in an unmixing that is not orthogonal.
        model = FastICA(
            self.n_units,
            algorithm="deflation",
            whiten="unit-variance",
            max_iter=self.max_iter,
            tol=1e-3,
            random_state=self.random_state,
        )
        return np.asarray(model.fit(rows).mixing_.T)

    def _nmf(self, rows: Floats) -> NDArray[np.float64]:
        halves = np.concatenate([np.maximum(rows, 0), np.maximum(-rows, 0)], axis=1)
        model = NMF(self.n_units, init="nndsvda", max_iter=5 * self.max_iter, tol=1e-3, random_state=self.random_state)
        found = model.fit(halves).components_
        return np.asarray(found[:, : rows.shape[1]] - found[:, rows.shape[1] :])

    def _semi_nmf(self, rows: Floats) -> NDArray[np.float64]:
        start = KMeans(self.n_units, n_init=1, random_state=self.random_state).fit(rows).cluster_centers_
        units, last = np.asarray(start), np.inf
        for _ in range(self.max_iter):
            length = np.linalg.norm(units, axis=1, keepdims=True)
            units = units / np.where(length > 0, length, 1.0)
            coding = code(rows, units, 0.0)
            if coding.residual > (1 - 1e-4) * last:
                break
            last = coding.residual
            units = np.linalg.lstsq(coding.codes, rows)[0]
        return units
