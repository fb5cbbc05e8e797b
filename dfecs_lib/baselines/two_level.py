"""PCA at level 2: on dictionary codes or on PCA scores of the face parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA
from sklearn.utils.validation import check_is_fitted

from dfecs_lib.baselines.offset import OffsetUnits, check_n_units, scheme_name
from dfecs_lib.coding.encoders import by_pattern
from dfecs_lib.coding.sparse_coding import Floats, code
from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.models.base import FrameOrFloats
from dfecs_lib.models.checks import (
    Check,
    check_choice,
    check_count,
    check_share,
)
from dfecs_lib.models.parts import PART_VALUES, check_parts

__all__ = ["TwoLevelPCAUnits"]


class TwoLevelPCAUnits(OffsetUnits):
    """The paper's further baselines: level 2 by PCA, on dictionary codes or on PCA scores of the face parts.

    Parameters
    ----------
    first : {"dictionary", "pca"}
        Level 1, per face part: the sparse non-negative dictionary of DFECS, or centred PCA.
    n_units : int, optional
        Number of units; the smallest that explains `variance` when None. Never more than level 1 has atoms.
    variance : float
        Share of the training motion that the whole model is to explain.
    part_variance : float
        Share of a part's motion that level 1 is to explain.

    Attributes
    ----------
    components_ : array of shape (n_units, 2K)
        Rows of P·V: level-2 axes P over the parts' atoms V. Orthogonal as P, not as motion.
    offset_ : array of shape (2K,)

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> K = rng.exponential(20, (200, 3)) @ rng.normal(size=(3, 136))
    >>> TwoLevelPCAUnits("pca").fit(K).components_.shape
    (3, 136)
    """

    _arrays: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **OffsetUnits._arrays,
        "atoms_": ("atoms", "features"),
        "mixing_": ("units", "atoms"),
        "part_offset_": ("features",),
        "code_mean_": ("atoms",),
    }
    _values: ClassVar[Mapping[str, Check]] = {
        **OffsetUnits._values,
        **PART_VALUES,
    }

    def __init__(
        self,
        first: Literal["dictionary", "pca"] = "dictionary",
        n_units: int | None = None,
        variance: float = 0.95,
        part_variance: float = 0.99,
    ) -> None:
        self.first = first
        self.n_units = n_units
        self.variance = variance
        self.part_variance = part_variance

    def _check_settings(self) -> None:
        check_choice("level 1", self.first, ("dictionary", "pca"))
        check_count("n_units", self.n_units)
        check_share("variance", self.variance)
        check_share("part_variance", self.part_variance)

    def _check_loaded(self, sizes: Mapping[str, int]) -> None:
        alphas = self.part_alphas_ or dict.fromkeys(self.part_columns_, 0.0)  # PCA has none
        check_parts(self.atom_parts_, self.part_columns_, alphas, sizes["atoms"], sizes["features"])

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
        self.scheme_ = scheme_name(X)
        # Level 1 of the full face model; its level 2 is the cheapest there is, and not used.
        base = FullFaceModel(n_units=1, part_variance=self.part_variance).fit(X)
        self.part_columns_: dict[str, list[int]] = base.part_columns_
        self.part_offset_ = np.zeros(rows.shape[1])
        self.part_alphas_: dict[str, float] = {}
        if self.first == "dictionary":
            self.atoms_, self.atom_parts_, self.part_alphas_ = base.atoms_, base.atom_parts_, base.part_alphas_
        else:
            self._part_pca(rows)
        scores = self._part_codes(rows, np.ones(rows.shape[1], dtype=np.bool_))[0]
        self.code_mean_ = scores.mean(axis=0)
        if self.n_units is not None:
            check_n_units(self.n_units, rows.shape[1])
        axes = PCA(svd_solver="full").fit(scores).components_
        n_units = self._smallest(rows, scores, axes) if self.n_units is None else self.n_units
        self.mixing_ = axes[:n_units]
        self.components_ = self.mixing_ @ self.atoms_
        self.offset_ = self.part_offset_ + self.code_mean_ @ self.atoms_
        return self

    def _part_pca(self, rows: Floats) -> None:
        blocks, self.atom_parts_ = [], []
        for part, columns in self.part_columns_.items():
            motion = rows[:, columns]
            self.part_offset_[columns] = motion.mean(axis=0)
            model = PCA(svd_solver="full").fit(motion)
            # The part's threshold counts, as everywhere, uncentred motion.
            left = np.square(motion - model.mean_).sum() - np.cumsum(model.explained_variance_) * (len(motion) - 1)
            enough = left <= (1 - self.part_variance) * np.square(motion).sum()
            count = int(enough.argmax()) + 1 if enough.any() else len(enough)
            block = np.zeros((count, rows.shape[1]))
            block[:, columns] = model.components_[:count]
            blocks.append(block)
            self.atom_parts_ += [part] * count
        self.atoms_ = np.concatenate(blocks)

    def _smallest(self, rows: Floats, scores: Floats, axes: NDArray[np.float64]) -> int:
        centred = scores - self.code_mean_
        base = rows - self.part_offset_ - self.code_mean_ @ self.atoms_
        for count in range(1, len(axes) + 1):
            guess = (centred @ axes[:count].T) @ (axes[:count] @ self.atoms_)
            if np.square(base - guess).sum() <= (1 - self.variance) * np.square(rows).sum():
                return count
        return len(axes)

    def _part_codes(self, rows: Floats, seen: NDArray[np.bool_]) -> tuple[Floats, list[int]]:
        """Level-1 codes of rows that hold the columns `seen`, and which atoms they belong to."""
        place = np.cumsum(seen) - 1
        parts = np.array(self.atom_parts_)
        codes: list[Floats] = []
        kept: list[int] = []
        for part, all_columns in self.part_columns_.items():
            columns = np.array([c for c in all_columns if seen[c]], dtype=np.intp)
            mine = np.flatnonzero(parts == part)
            if not columns.size:
                continue
            motion = np.ascontiguousarray(rows[:, place[columns]] - self.part_offset_[columns])
            atoms = self.atoms_[np.ix_(mine, columns)]
            alpha = self.part_alphas_.get(part)
            codes.append(motion @ np.linalg.pinv(atoms) if alpha is None else code(motion, atoms, alpha).codes)
            kept += [int(k) for k in mine]
        return np.concatenate(codes, axis=1), kept

    def transform(self, X: FrameOrFloats | ArrayLike) -> FrameOrFloats:
        """Encode motion of shape (n_frames, 2K), part by part, then project; signed codes.

        Missing points are left out, a row without any gets NaN.
        """
        check_is_fitted(self)

        def encode(rows: Floats, seen: NDArray[np.bool_]) -> Floats:
            scores, kept = self._part_codes(rows, seen)
            return np.asarray((scores - self.code_mean_[kept]) @ np.linalg.pinv(self.mixing_[:, kept]))

        codes = by_pattern(self._read(X, reset=False), len(self.components_), encode)
        return self._codes_like(codes, X)

    def unit_table(self) -> pd.DataFrame:
        """Share of every part in every unit's energy, in percent."""
        check_is_fitted(self)
        energy = np.square(self.components_)
        shares = {part: energy[:, columns].sum(axis=1) for part, columns in self.part_columns_.items()}
        return pd.DataFrame(shares).pipe(lambda t: 100 * t.div(t.sum(axis=1), axis=0))
