"""Full Face Model: part dictionaries tied into action units by non-negative factorization (DFECS)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from dfecs_lib.coding import encoders
from dfecs_lib.coding.sparse_coding import Floats, Selection
from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm.hierarchy import search_units
from dfecs_lib.ffm.level_one import atoms_by_part, learn_parts
from dfecs_lib.ffm.search import Search
from dfecs_lib.models import checks
from dfecs_lib.models.base import FrameOrFloats
from dfecs_lib.models.encoded import EncodedUnits
from dfecs_lib.models.naming import summarize
from dfecs_lib.models.parts import PART_VALUES, check_parts, columns_of_parts
from dfecs_lib.models.streaming import LearnsInBatches
from dfecs_lib.models.units import order_units, parts_of_units, refine_units

__all__ = ["FullFaceModel"]

Encoder = Literal["hierarchical", "direct", "sparse"]


class FullFaceModel(LearnsInBatches, EncodedUnits):
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
        units; "sparse" uses few units a frame and fits those without penalty.
    refine : bool, optional
        Improve the units of the two levels on the motion itself, alternating codes and units. None: wherever the
        encoder allows it, that is, not with "hierarchical", whose codes belong to the unrefined units.
    refine_alpha : float, optional
        Penalty on the codes, in pixels, while refining. None: 0.001 if the encoder is "direct", 1 if it is "sparse".
        With next to no penalty units explain most, but in pairs that work against each other; with more, codes follow
        muscles better, at some cost to what all units together explain.
    refine_locality : float
        Share of its motion that a face part must hold to stay in a refined unit, roughly: see `refine_units`.
    max_active : int, optional
        "sparse" only: most units a frame may use; eight where `encoder_alpha` is None too.
    encoder_alpha : float, optional
        "sparse" only: penalty in pixels, see `selection` and `calibrate`.
    selection : {"elimination", "lasso"}
        "sparse" only. "elimination" drops, one by one, units whose loss adds less than encoder_alpha² to the squared
        residual; "lasso" keeps those that the non-negative lasso picks at encoder_alpha.
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
    progress : bool
        Show a progress bar while parts are learnt.

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
    refined_ : bool
        Whether ``components_`` were refined; if not, they are ``mixing_ @ atoms_``.
    variance_explained_ : float
        Percent of the training motion explained: by W·A·V, or by the refined units.
    unit_shares_, unit_activity_ : arrays of shape (n_units,)
        Percent of the training motion that each unit explains, and of frames that use it; see `summary`.
    part_path_, unit_path_ : DataFrame
        Everything the two searches looked at.
    n_rows_dropped_ : int
        Training rows left out because a point was missing.

    References
    ----------
    DFECS, arXiv 2406.05434.

    Examples
    --------
    >>> K = np.random.default_rng(0).exponential(20, (300, 4)) @ np.eye(4, 136)
    >>> FullFaceModel(n_units=4, part_variance=0.9).fit(K).transform(K[:5]).shape
    (5, 4)
    """

    _arrays: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "atoms_": ("atoms", "features"),
        "mixing_": ("units", "atoms"),
        "unit_shares_": ("units",),
        "unit_activity_": ("units",),
    }
    _values: ClassVar[Mapping[str, checks.Check]] = {
        "scheme_": checks.optional(checks.is_text),
        **PART_VALUES,
        "variance_explained_": checks.is_number,
        "refined_": checks.is_flag,
        "n_rows_dropped_": checks.is_whole,
        "n_iter_": checks.is_whole,
    }
    _encoders: ClassVar[tuple[str, ...]] = ("hierarchical", "direct", "sparse")
    _frames: ClassVar[tuple[str, ...]] = ("part_path_", "unit_path_")

    def __init__(
        self,
        n_units: int | None = None,
        variance: float = 0.95,
        part_variance: float = 0.99,
        encoder: Encoder = "hierarchical",
        *,
        refine: bool | None = None,
        refine_alpha: float | None = None,
        refine_locality: float = 0.0075,
        max_active: int | None = None,
        encoder_alpha: float | None = None,
        selection: Selection = "elimination",
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
        progress: bool = False,
    ) -> None:
        self.n_units = n_units
        self.variance = variance
        self.part_variance = part_variance
        self.encoder = encoder
        self.refine = refine
        self.refine_alpha = refine_alpha
        self.refine_locality = refine_locality
        self.max_active = max_active
        self.encoder_alpha = encoder_alpha
        self.selection = selection
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
        self.progress = progress

    def _check_settings(self) -> None:
        super()._check_settings()
        checks.check_each(self, checks.check_count, "n_units", "n_atoms", "max_atoms", "max_units", "max_iter")
        checks.check_each(self, checks.check_penalty, "alpha", "alpha_W", "alpha_H", "refine_alpha", "tol")
        checks.check_penalty("refine_locality", self.refine_locality)
        checks.check_each(self, checks.check_share, "variance", "part_variance")
        checks.check_choice("search", self.search, ("path", "paper"))
        checks.check_jobs("n_jobs", self.n_jobs)
        if self.refine and self.encoder == "hierarchical":
            raise DfecsError("refined units need encoder='direct' or 'sparse': hierarchical codes belong to others")

    def _check_loaded(self, sizes: Mapping[str, int]) -> None:
        check_parts(self.atom_parts_, self.part_columns_, self.part_alphas_, sizes["atoms"], sizes["features"])

    def fit(
        self,
        X: FrameOrFloats | ArrayLike,
        y: object = None,  # noqa: ARG002 (scikit-learn's signature)
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learn units from keypoint motion X of shape (n_frames, 2K), in pixels; `y` is ignored."""
        self._check_settings()
        rows, weights, _ = self._read_training(X, sample_weight)
        self.scheme_, columns = columns_of_parts(X, self.parts, rows.shape[1])
        moving = {part: where for part, where in columns.items() if rows[:, where].any()}
        if not moving:
            raise DfecsError("the training motion is zero everywhere; give motion from neutral (motion_vectors)")
        first = learn_parts(
            rows,
            moving,
            n_atoms=self.n_atoms,
            alpha=self.alpha,
            variance=self.part_variance,
            max_atoms=self.max_atoms,
            search=self.search,
            weights=weights,
            max_iter=self.max_iter,
            tol=self.tol,
            n_jobs=self.n_jobs,
            progress=self.progress,
        )
        self.part_columns_ = {part: [int(k) for k in where] for part, where in moving.items()}
        self.part_alphas_, self.part_path_ = first.alphas, first.path
        self.atoms_, self.atom_parts_ = first.atoms, first.parts
        second = search_units(
            first.codes,
            first.atoms,
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
        self.unit_path_: pd.DataFrame = second.path
        if self.n_units is None and not second.reached:
            warnings.warn(
                f"{len(second.mixing)} units explain {100 * second.variance_explained:.2f} % of the motion, "
                f"not {100 * self.variance:g} %; raise part_variance or max_units",
                ConvergenceWarning,
                stacklevel=2,
            )
        self._keep_units(second.mixing, 100 * second.variance_explained, rows, weights)
        self.n_iter_ = int(self.part_path_["n_iter"].max())
        return self

    def _keep_units(
        self, mixing: NDArray[np.float64], explained: float, rows: Floats, weights: NDArray[np.float64] | None
    ) -> None:
        length = np.linalg.norm(mixing @ self.atoms_, axis=1)
        mixing = mixing[length > 0] / length[length > 0, None]
        units = mixing @ self.atoms_
        self.refined_ = self.encoder != "hierarchical" if self.refine is None else self.refine
        if self.refined_:
            units = refine_units(
                rows,
                units,
                self.part_columns_,
                alpha=self.penalty_while_refining,
                locality=self.refine_locality,
                sparse=self.encoder == "sparse",
                weights=weights,
                tol=self.tol,
                n_jobs=self.n_jobs,
            )
        ordered = order_units(rows, units, weights)
        self.mixing_, self.components_ = mixing[ordered.order], ordered.units
        self.unit_shares_, self.unit_activity_ = ordered.shares, ordered.activity
        self.variance_explained_ = ordered.variance_explained if self.refined_ else explained
        self._statistics = None

    @property
    def penalty_while_refining(self) -> float:
        """`refine_alpha`, or what stands for it with this encoder."""
        if self.refine_alpha is None:
            return 1.0 if self.encoder == "sparse" else 0.001
        return self.refine_alpha

    def _batch_alpha(self) -> float:
        if not getattr(self, "refined_", self.encoder != "hierarchical" if self.refine is None else self.refine):
            raise AttributeError("only refined units learn batch by batch; use encoder='direct' or 'sparse'")
        return self.penalty_while_refining

    def _batch_mask(self) -> NDArray[np.bool_] | None:
        return parts_of_units(self.components_, self.part_columns_) if self.refine_locality > 0 else None

    def transform(self, X: FrameOrFloats | ArrayLike) -> FrameOrFloats:
        """Encode motion of shape (n_frames, 2K) as non-negative codes (n_frames, n_units), in pixels.

        A table of another keypoint scheme is converted first. A row with missing points is coded from those it has;
        a row without any gets NaN.
        """
        check_is_fitted(self)
        self._check_settings()
        values = self._read(X, reset=False)
        if self.encoder != "hierarchical":
            codes = self._encode(values, self.n_jobs)
        elif self.refined_:
            raise DfecsError("these units were refined, so that hierarchical codes do not belong to them")
        else:
            codes = encoders.hierarchical(
                values,
                atoms_by_part(self.atoms_, self.atom_parts_, self.part_columns_, self.part_alphas_),
                self.mixing_,
                n_jobs=self.n_jobs,
            )
        return self._codes_like(codes, X)

    def summary(self) -> pd.DataFrame:
        """One line a unit: name, parts (above a fifth of its motion), share of variance, percent of frames active."""
        check_is_fitted(self)
        names = self.get_feature_names_out()
        return summarize(self, names, self.unit_shares_, self.unit_activity_)
