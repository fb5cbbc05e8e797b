"""Full Face Model: part dictionaries tied into action units by non-negative factorization (DFECS)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, Self

import joblib
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import encoders
from dfecs_lib.ffm.base import FrameOrFloats, UnitsBase
from dfecs_lib.ffm.hierarchy import search_units
from dfecs_lib.ffm.part_model import check_count, check_share, fit_part
from dfecs_lib.ffm.parts import columns_of_parts
from dfecs_lib.ffm.search import Found, Search
from dfecs_lib.ffm.sparse_coding import Floats, code

__all__ = ["FullFaceModel"]

Encoder = Literal["hierarchical", "direct", "sparse"]
_ENCODERS = ("hierarchical", "direct", "sparse")


class FullFaceModel(UnitsBase):
    r"""Data-driven action units: a two-level, sparse, non-negative factorization of keypoint motion.

    Level 1 learns a dictionary V of every face part (`PartFaceModel`). Level 2 factors the part codes, side by side,
    into U ≈ W·A. The rows of A·V are the units; a frame's encoding is its W.

    Parameters
    ----------
    n_units : int, optional
        Number of units; the smallest that explains `variance` when None.
    variance : float
        Share of the training motion that the whole model is to explain.
    part_variance : float
        Share of a part's motion that its dictionary is to explain.
    encoder : {"hierarchical", "direct", "sparse"}
        "hierarchical" codes parts, then units, as the paper does; "direct" is non-negative least squares on the
        units; "sparse" picks few units by the non-negative lasso and refits those.
    max_active : int, optional
        "sparse" only: most units a frame may use.
    encoder_alpha : float, optional
        "sparse" only: penalty in pixels that picks the units, instead of `max_active`.
    n_atoms, alpha : int or float, optional
        Fixed for every part instead of searched; see `PartFaceModel`.
    alpha_W, alpha_H : float
        L1 penalties of level 2, scaled as scikit-learn's `NMF` does.
    search : {"path", "paper"}
        See `PartFaceModel`.
    parts : "scheme", "single" or mapping of str to sequence of int
        Face parts: those of the keypoint scheme; one part of all columns, for data that are no keypoints; or
        positions of keypoints by part name.
    max_atoms, max_units : int, optional
        Where the searches end.
    max_iter, tol : int, float
        Of level 1; see `PartFaceModel`.
    random_state : int
        Seed of level 2's start.
    n_jobs : int, optional
        joblib workers over parts, and threads of the encoder. The result does not depend on them.

    Attributes
    ----------
    components_ : array of shape (n_units, 2K)
        Units of length one, in pixels of motion per pixel of code, largest share of variance first.
    atoms_ : array of shape (n_all_atoms, 2K)
        V: the parts' atoms, each zero outside its part.
    mixing_ : array of shape (n_units, n_all_atoms)
        A.
    atom_parts_ : list of str
        Part of every atom.
    part_alphas_ : dict of str to float
    scheme_ : str or None
        Keypoint scheme of the training data.
    variance_explained_ : float
        Percent of the training motion that W·A·V explains.
    unit_shares_ : array of shape (n_units,)
        Percent of the training motion that each unit explains, ⟨w_k d_k, X⟩ / ‖X‖²; they add up to the whole.
    part_path_, unit_path_ : DataFrame
        Everything the two searches looked at.
    n_rows_dropped_ : int
        Training rows left out because a point was missing.

    References
    ----------
    DFECS, arXiv 2406.05434.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> K = rng.exponential(20, (300, 4)) @ rng.normal(size=(4, 136)) / 10
    >>> model = FullFaceModel(n_units=4, part_variance=0.9).fit(K)
    >>> model.components_.shape, model.transform(K[:5]).shape
    ((4, 136), (5, 4))
    """

    _arrays: ClassVar[tuple[str, ...]] = ("atoms_", "mixing_", "unit_shares_")
    _values: ClassVar[tuple[str, ...]] = (
        "scheme_",
        "atom_parts_",
        "part_columns_",
        "part_alphas_",
        "variance_explained_",
        "n_rows_dropped_",
        "n_iter_",
    )
    _frames: ClassVar[tuple[str, ...]] = ("part_path_", "unit_path_")

    def __init__(
        self,
        n_units: int | None = None,
        variance: float = 0.95,
        part_variance: float = 0.99,
        encoder: Encoder = "hierarchical",
        *,
        max_active: int | None = None,
        encoder_alpha: float | None = None,
        n_atoms: int | None = None,
        alpha: float | None = None,
        alpha_W: float = 0.0,
        alpha_H: float = 0.0,
        search: Search = "path",
        parts: str | Mapping[str, Sequence[int]] = "scheme",
        max_atoms: int | None = None,
        max_units: int | None = None,
        max_iter: int = 2000,
        tol: float = 1e-5,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_units = n_units
        self.variance = variance
        self.part_variance = part_variance
        self.encoder = encoder
        self.max_active = max_active
        self.encoder_alpha = encoder_alpha
        self.n_atoms = n_atoms
        self.alpha = alpha
        self.alpha_W = alpha_W
        self.alpha_H = alpha_H
        self.search = search
        self.parts = parts
        self.max_atoms = max_atoms
        self.max_units = max_units
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _check(self) -> None:
        for name in ("n_units", "n_atoms", "max_atoms", "max_units", "max_active"):
            check_count(name, getattr(self, name))
        check_share("variance", self.variance)
        check_share("part_variance", self.part_variance)
        if self.encoder not in _ENCODERS:
            raise DfecsError(f"unknown encoder {self.encoder!r}; known: {', '.join(_ENCODERS)}")
        if self.search not in ("path", "paper"):
            raise DfecsError(f"unknown search {self.search!r}; known: 'path', 'paper'")

    def fit(
        self,
        X: FrameOrFloats | ArrayLike,
        y: object = None,  # noqa: ARG002 (scikit-learn's signature)
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learn units from keypoint motion X of shape (n_frames, 2K), in pixels; `y` is ignored."""
        self._check()
        rows, weights, _ = self._read_training(X, sample_weight)
        self.scheme_, columns = columns_of_parts(X, self.parts, rows.shape[1])
        moving = {part: where for part, where in columns.items() if rows[:, where].any()}
        if not moving:
            raise DfecsError("the training motion is zero everywhere; give motion from neutral (motion_vectors)")
        found = joblib.Parallel(n_jobs=self.n_jobs, prefer="threads")(
            joblib.delayed(fit_part)(
                np.ascontiguousarray(rows[:, where]),
                n_atoms=self.n_atoms,
                alpha=self.alpha,
                variance=self.part_variance,
                max_atoms=self.max_atoms,
                search=self.search,
                weights=weights,
                max_iter=self.max_iter,
                tol=self.tol,
            )
            for where in moving.values()
        )
        self._keep_parts(moving, dict(zip(moving, found, strict=True)), rows.shape[1])
        U = np.concatenate([f.best.coding.codes for f in found], axis=1)
        top = search_units(
            U,
            self.atoms_,
            rows,
            n_units=self.n_units,
            max_units=self.max_units,
            variance=self.variance,
            search=self.search,
            alpha_W=self.alpha_W,
            alpha_H=self.alpha_H,
            random_state=self.random_state,
            weights=weights,
            tol=self.tol,
            n_jobs=self.n_jobs,
        )
        if self.n_units is None and not top.reached:
            warnings.warn(
                f"{len(top.mixing)} units explain {100 * top.variance_explained:.2f} % of the motion, "
                f"not {100 * self.variance:g} %; raise part_variance or max_units",
                ConvergenceWarning,
                stacklevel=2,
            )
        self.variance_explained_ = 100 * top.variance_explained
        self.unit_path_: pd.DataFrame = top.path
        self._keep_units(top.mixing, rows, weights)
        self.n_iter_ = int(self.part_path_["n_iter"].max())
        return self

    def _keep_parts(self, columns: Mapping[str, NDArray[np.intp]], found: Mapping[str, Found], width: int) -> None:
        self.part_columns_ = {part: [int(k) for k in where] for part, where in columns.items()}
        self.part_alphas_ = {part: float(f.best.alpha) for part, f in found.items()}
        self.atom_parts_ = [part for part, f in found.items() for _ in f.best.atoms]
        self.atoms_ = np.zeros((len(self.atom_parts_), width))
        for part, where in columns.items():
            mine = [k for k, name in enumerate(self.atom_parts_) if name == part]
            self.atoms_[np.ix_(np.array(mine), where)] = found[part].best.atoms
        self.part_path_ = pd.concat([f.path().assign(part=part) for part, f in found.items()], ignore_index=True)

    def _keep_units(self, mixing: NDArray[np.float64], rows: Floats, weights: NDArray[np.float64] | None) -> None:
        """Scale units to length one and sort them by the variance they explain."""
        length = np.linalg.norm(mixing @ self.atoms_, axis=1)
        mixing = mixing[length > 0] / length[length > 0, None]
        units = mixing @ self.atoms_
        codes = code(rows, units, 0.0).codes.astype(np.float64)
        w = np.ones(len(rows)) if weights is None else weights
        shares = w @ (codes * (rows @ units.T)) / (w @ (rows.astype(np.float64) ** 2).sum(axis=1))
        order = np.argsort(-shares, kind="stable")
        self.mixing_, self.components_ = mixing[order], units[order]
        self.unit_shares_ = 100 * shares[order]

    def transform(self, X: FrameOrFloats | ArrayLike) -> FrameOrFloats:
        """Encode motion of shape (n_frames, 2K) as non-negative codes (n_frames, n_units), in pixels.

        A table of another keypoint scheme is converted first. A row with missing points is coded from those it has;
        a row without any gets NaN.
        """
        check_is_fitted(self)
        self._check()
        values = self._read(X, reset=False)
        if self.encoder == "direct":
            codes = encoders.direct(values, self.components_, n_jobs=self.n_jobs)
        elif self.encoder == "sparse":
            codes = encoders.sparse(
                values,
                self.components_,
                alpha=self.encoder_alpha,
                max_active=self.max_active,
                n_jobs=self.n_jobs,
            )
        else:
            codes = encoders.hierarchical(values, self._atoms_by_part(), self.mixing_, n_jobs=self.n_jobs)
        return self._codes_like(codes, X)

    def _atoms_by_part(self) -> list[tuple[NDArray[np.intp], NDArray[np.float64], float]]:
        parts = np.array(self.atom_parts_)
        return [
            (
                np.array(where),
                self.atoms_[np.ix_(np.flatnonzero(parts == part), np.array(where))],
                self.part_alphas_[part],
            )
            for part, where in self.part_columns_.items()
        ]
