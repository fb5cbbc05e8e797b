"""Full Face Model: part dictionaries tied into action units by non-negative factorization (DFECS)."""

# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from dfecs_lib.coding import encoders
from dfecs_lib.coding.sparse_coding import Floats, opposites, thin
from dfecs_lib.coding.unit_updates import update_units
from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm.additive import Additive, refine_additive
from dfecs_lib.ffm.hierarchy import search_units
from dfecs_lib.ffm.level_one import atoms_by_part, learn_parts
from dfecs_lib.ffm.other_neutrals import people_of, with_other_neutrals
from dfecs_lib.ffm.search import Search
from dfecs_lib.keypoints.threads import one_blas_thread
from dfecs_lib.models import checks
from dfecs_lib.models.base import FrameOrFloats
from dfecs_lib.models.encoded import APART, CODING_VALUES, EncodedUnits
from dfecs_lib.models.naming import summarize
from dfecs_lib.models.parts import PART_VALUES, check_parts, columns_of_parts
from dfecs_lib.models.streaming import LearnsInBatches, Statistics
from dfecs_lib.models.units import (
    alpha_for_activity,
    groups_of_columns,
    order_units,
    parts_of_units,
    refine_units,
    working_together,
)

__all__ = ["FullFaceModel"]

Encoder = Literal["additive", "hierarchical", "direct", "sparse"]

#: What the refinement for each encoder takes, and its values unless told otherwise.
_REFINEMENTS: Mapping[str, Mapping[str, float]] = {
    "additive": {"cancellation": 0.005, "locality": 0.003},
    "sparse": {"alpha": 1.0, "locality": 0.0075},
    "direct": {"alpha": 0.001, "locality": 0.0075},
}
#: Units at work on average, of "additive" codes; no more than half of the units, but one at least.
_ACTIVE = 5.5
#: Frames that the searches of both levels look at where units are refined for sums, and how much looser than `tol`
#: they end: refinement goes on from there.
_SAMPLE, _LOOSER = 2048, 200.0


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
    encoder : {"additive", "hierarchical", "direct", "sparse"}
        "additive" uses few units a frame, whose motions add up without cancelling out: DFECS. "hierarchical" codes
        parts, then units, as the paper does (`paper`). The other two are for comparison, since their units work against
        each other: "direct" is non-negative least squares on all units, "sparse" uses eight at most.
    active : float, optional
        "additive" only: units at work a frame, on average, for which units are learned and frames coded; five and
        a half by default, or half of the units if that is less, but one at least. `calibrate` sets it anew for other
        recordings.
    max_active : int, optional
        "additive" and "sparse": most units a frame may use.
    refine : bool or mapping of str to float, optional
        Improve the units of the two levels on the motion itself, alternating codes and units. None: yes, but not with
        "hierarchical", whose codes belong to the unrefined units. A mapping sets prices: ``"cancellation"`` of what
        units at work together take from each other, from 0 to 1 ("additive", see `dfecs_lib.ffm.additive`);
        ``"alpha"`` of codes, in pixels ("direct" and "sparse"); ``"locality"``, the share of its motion that a face
        part must hold to stay in a unit, roughly (all three, see `refine_units`).
    other_neutrals : bool, optional
        Learn also from motion as it would be from other resting frames of the same person, see
        `dfecs_lib.ffm.other_neutrals`: the neutral frame of an unseen person may be a little off. None: yes if the
        encoder is "additive". Scores and activity are those of the motion as given.
    n_atoms, alpha : int or float, optional
        Fixed for every part instead of searched; see `PartFaceModel`.
    search : {"sample", "path", "paper"}, optional
        Of the part dictionaries, see `PartFaceModel`; "sample" is "path" on 2,048 frames at most, spread over all,
        which also serve level 2. None: "sample" if the encoder is "additive", else "path".
    parts : "scheme", "single" or mapping of str to sequence of int
        Face parts: those of the keypoint scheme; one part of all columns, for data that are no keypoints; or
        positions of keypoints by part name.
    max_atoms, max_units : int, optional
        Where the searches end.
    max_iter, tol : int, float
        Of level 1; see `PartFaceModel`. Where refinement goes on from a sample, ``200 * tol`` ends the levels.
    random_state : int
        Seed of level 2's start where the search is "paper"; where the encoder is "additive", of the candidates that
        compete with the units of the two levels, and of the draw of other resting frames. Batches (`partial_fit`) see
        the motion as given alone.
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
    mixing_ : array of shape (n_mixtures, n_all_atoms)
        A: of each unit where the encoder is "hierarchical", else of the units that refinement began with.
    atom_parts_ : list of str
        Part of every atom.
    part_alphas_ : dict of str to float
    scheme_ : str or None
        Keypoint scheme of the training data.
    refined_ : bool
        Whether ``components_`` were refined; if not, they are ``mixing_ @ atoms_``.
    variance_explained_ : float
        Percent of the training motion explained: by W·A·V, or by the refined units.
    active_units_, cancellation_ : float
        Of the training motion's codes: units a frame that make up a twentieth of its motion at least, and how much
        units take from each other; see `dfecs_lib.metrics`.
    encoder_alpha_ : float or None
        What a unit must be worth in a frame, in pixels: set in training, and by `calibrate`.
    unit_shares_, unit_activity_ : arrays of shape (n_units,)
        Percent of the training motion that each unit explains, and of frames that use it; see `summary`. The share of a
        unit that mostly takes from others is negative.
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
        "mixing_": ("mixtures", "atoms"),
        "unit_shares_": ("units",),
        "unit_activity_": ("units",),
    }
    _values: ClassVar[Mapping[str, checks.Check]] = {
        "scheme_": checks.optional(checks.is_text),
        **PART_VALUES,
        "variance_explained_": checks.is_number,
        "active_units_": checks.is_number,
        "cancellation_": checks.is_number,
        **CODING_VALUES,
        "refined_": checks.is_flag,
        "n_rows_dropped_": checks.is_whole,
        "n_iter_": checks.is_whole,
    }
    _encoders: ClassVar[tuple[str, ...]] = ("additive", "hierarchical", "direct", "sparse")
    _frames: ClassVar[tuple[str, ...]] = ("part_path_", "unit_path_")

    def __init__(
        self,
        n_units: int | None = None,
        variance: float = 0.95,
        part_variance: float = 0.99,
        encoder: Encoder = "additive",
        *,
        active: float | None = None,
        max_active: int | None = None,
        refine: bool | Mapping[str, float] | None = None,
        other_neutrals: bool | None = None,
        n_atoms: int | None = None,
        alpha: float | None = None,
        search: Literal["sample", "path", "paper"] | None = None,
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
        self.active = active
        self.max_active = max_active
        self.refine = refine
        self.other_neutrals = other_neutrals
        self.n_atoms = n_atoms
        self.alpha = alpha
        self.search = search
        self.parts = parts
        self.max_atoms = max_atoms
        self.max_units = max_units
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.progress = progress

    @classmethod
    def paper(cls, n_units: int | None = None, **settings: object) -> Self:
        """DFECS as published: units of the two levels as they are, coded level by level.

        The same as ``FullFaceModel(n_units, encoder="hierarchical", …)``. ``search="paper"`` also walks the searches as
        published.

        Examples
        --------
        >>> FullFaceModel.paper(16).encoder
        'hierarchical'
        """
        return cls(n_units, encoder="hierarchical", **settings)  # type: ignore[arg-type]  # checked by name

    def _check_settings(self) -> None:
        super()._check_settings()
        checks.check_each(self, checks.check_count, "n_units", "n_atoms", "max_atoms", "max_units", "max_iter")
        checks.check_each(self, checks.check_penalty, "alpha", "active", "tol")
        checks.check_each(self, checks.check_share, "variance", "part_variance")
        if self.search is not None:
            checks.check_choice("search", self.search, ("sample", "path", "paper"))
        checks.check_jobs("n_jobs", self.n_jobs)
        if self.other_neutrals not in (None, True, False):
            raise DfecsError(f"other_neutrals is {self.other_neutrals!r}; give True, False or None")
        for idle, given in (("max_units", "n_units"), ("max_atoms", "n_atoms")):
            if getattr(self, idle) is not None and getattr(self, given) is not None:
                raise DfecsError(f"{idle} ends a search that {given} makes needless; give one of them")
        if self.active is not None and self.encoder != "additive":
            raise DfecsError(f"active belongs to encoder='additive', not {self.encoder!r}; leave it out")
        if self.active is not None and not self.active > 0:
            raise DfecsError(f"active is {self.active}, but some unit must be at work on average")
        if self.encoder == "hierarchical":
            if self.refine:
                raise DfecsError("refined units need another encoder: hierarchical codes belong to unrefined ones")
        else:
            self._prices()

    def _prices(self) -> dict[str, float]:
        """Prices of the refinement, those given over those that are usual."""
        usual = _REFINEMENTS[self.encoder]
        if self.refine is None or isinstance(self.refine, bool):
            return dict(usual)
        if not isinstance(self.refine, Mapping) or not set(self.refine) <= set(usual):
            raise DfecsError(
                f"refine is {self.refine!r}, but with encoder={self.encoder!r} it is True, False, or prices of "
                f"{' and '.join(usual)}"
            )
        for name, price in self.refine.items():
            checks.check_penalty(f"the price of {name} in refine", price)
        if not self.refine.get("cancellation", 0) <= 1:
            raise DfecsError(f"the price of cancellation in refine is {self.refine['cancellation']}, but 1 is the most")
        return {**usual, **self.refine}

    @property
    def _cancellation(self) -> float:
        return self._prices().get("cancellation", 0.0)

    def _goal(self, n_units: int) -> Additive:
        active = min(_ACTIVE, max(1.0, n_units / 2)) if self.active is None else self.active
        return Additive(active=active, apart=APART, **self._prices())

    def _check_loaded(self, sizes: Mapping[str, int]) -> None:
        check_parts(self.atom_parts_, self.part_columns_, self.part_alphas_, sizes["atoms"], sizes["features"])
        if not self.refined_ and sizes["mixtures"] != sizes["units"]:
            raise DfecsError(f"{sizes['mixtures']} mixtures of atoms are not those of {sizes['units']} units")

    def fit(
        self,
        X: FrameOrFloats | ArrayLike,
        y: object = None,  # noqa: ARG002 (scikit-learn's signature)
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learn units from keypoint motion X of shape (n_frames, 2K), in pixels; `y` is ignored."""
        self._check_settings()
        rows, weights, complete = self._read_training(X, sample_weight)
        seen, seen_weights = rows, weights
        usual = self.encoder == "additive" and self._refines()
        if usual if self.other_neutrals is None else self.other_neutrals:
            seen, seen_weights = with_other_neutrals(rows, people_of(X, complete), weights, self.random_state)
        with one_blas_thread():
            mixing, explained = self._search(X, seen, seen_weights)
            units = self._units_from(mixing, seen, seen_weights)
            self._keep_units(units, explained, rows, weights)
        return self

    def _search(
        self, X: FrameOrFloats | ArrayLike, rows: Floats, weights: NDArray[np.float64] | None
    ) -> tuple[NDArray[np.float64], float]:
        """Learn the two levels; returns the mixing of atoms, and percent of variance explained by it."""
        self.scheme_, columns = columns_of_parts(X, self.parts, rows.shape[1])
        moving = {part: where for part, where in columns.items() if rows[:, where].any()}
        if not moving:
            raise DfecsError("the training motion is zero everywhere; give motion from neutral (motion_vectors)")
        if self.n_units is not None and self.n_atoms is not None and self.n_units > self.n_atoms * len(moving):
            raise DfecsError(
                f"{self.n_units} units cannot be mixed from {self.n_atoms * len(moving)} atoms, {self.n_atoms} a part; "
                "give fewer units or more atoms (n_atoms)"
            )
        search = self.search or ("sample" if self.encoder == "additive" else "path")
        every = max(1, len(rows) // _SAMPLE) if search == "sample" else 1
        some = np.ascontiguousarray(rows[::every])
        some_weights = None if weights is None else weights[::every]
        walk: Search = "paper" if search == "paper" else "path"
        tol = _LOOSER * self.tol if search == "sample" and self._refines() else self.tol
        first = learn_parts(
            some,
            moving,
            n_atoms=self.n_atoms,
            alpha=self.alpha,
            variance=self.part_variance,
            max_atoms=self.max_atoms,
            search=walk,
            weights=some_weights,
            max_iter=self.max_iter,
            tol=tol,
            n_jobs=self.n_jobs,
            progress=self.progress,
        )
        self.part_columns_ = {part: [int(k) for k in where] for part, where in moving.items()}
        self.part_alphas_, self.part_path_ = first.alphas, first.path
        self.atoms_, self.atom_parts_ = first.atoms, first.parts
        second = search_units(
            first.codes,
            first.atoms,
            some,
            n_units=self.n_units,
            max_units=self.max_units,
            variance=self.variance,
            search=walk,
            random_state=self.random_state,
            weights=some_weights,
            tol=tol,
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
        self.n_iter_ = int(self.part_path_["n_iter"].max())
        return second.mixing, 100 * second.variance_explained

    def _units_from(
        self, mixing: NDArray[np.float64], rows: Floats, weights: NDArray[np.float64] | None
    ) -> NDArray[np.float64]:
        length = np.linalg.norm(mixing @ self.atoms_, axis=1)
        self.mixing_ = mixing[length > 0] / length[length > 0, None]
        units = self.mixing_ @ self.atoms_
        self.refined_ = self._refines()
        return self.refined(rows, units, self.part_columns_, weights) if self.refined_ else units

    def _keep_units(
        self, units: NDArray[np.float64], explained: float, rows: Floats, weights: NDArray[np.float64] | None
    ) -> None:
        self.encoder_alpha_ = None
        self._set_alpha(rows, units)
        ordered = order_units(
            rows, units, weights, partial(self._codes_on, rows) if self.encoder == "additive" else None
        )
        if not (self.encoder == "additive" and self.refined_):
            self.mixing_ = self.mixing_[ordered.order]
        self.components_ = ordered.units
        self.unit_shares_, self.unit_activity_ = ordered.shares, ordered.activity
        self.variance_explained_ = ordered.variance_explained if self.refined_ else explained
        self.active_units_, self.cancellation_ = ordered.active_units, ordered.cancellation
        if self.encoder == "hierarchical" and not self.refined_:  # least squares order the units; they code otherwise
            self.active_units_, self.cancellation_ = working_together(
                self._level_by_level(rows), self.components_, weights
            )
        self._statistics = None

    def _set_alpha(self, rows: Floats, units: NDArray[np.float64]) -> None:
        """Set what a unit must be worth in a frame, for "additive" codes."""
        if self.encoder == "additive":
            goal = self._goal(len(units))
            self.encoder_alpha_ = alpha_for_activity(
                rows, units, goal.active, cancellation=goal.cancellation, apart=goal.apart, max_active=self.max_active
            )

    def _codes_on(self, X: Floats, units: NDArray[np.float64]) -> NDArray[np.float64]:
        """Codes of complete rows on `units` with this model's settings."""
        return thin(
            X,
            units,
            alpha=self.encoder_alpha_ or 0.0,
            max_active=self.max_active,
            cancellation=self._cancellation,
            apart=opposites(units, APART),
            n_jobs=self.n_jobs,
        )

    def _refines(self) -> bool:
        return self.encoder != "hierarchical" if self.refine is None else bool(self.refine) or self.refine == {}

    def refined(
        self,
        rows: Floats,
        units: NDArray[np.float64],
        columns: Mapping[str, Sequence[int] | NDArray[np.intp]],
        weights: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Return units improved on complete rows of motion for this model's encoder; see `refine`."""
        if self.encoder == "additive":
            return refine_additive(
                rows,
                units,
                groups_of_columns(columns, rows.shape[1]),
                self._goal(len(units) if self.n_units is None else self.n_units),
                n_units=self.n_units,
                weights=weights,
                random_state=self.random_state,
                n_jobs=self.n_jobs,
            )
        return refine_units(
            rows,
            units,
            columns,
            **self._prices(),
            sparse=self.encoder == "sparse",
            weights=weights,
            tol=self.tol,
            n_jobs=self.n_jobs,
        )

    def _batch_alpha(self) -> float:
        if not getattr(self, "refined_", self._refines()):
            raise AttributeError("only refined units learn batch by batch; use another encoder than 'hierarchical'")
        return self._prices().get("alpha", 0.0)

    def _batch_mask(self) -> NDArray[np.bool_] | None:
        return parts_of_units(self.components_, self.part_columns_) if self._prices()["locality"] > 0 else None

    def _learn_batch(
        self, statistics: Statistics, rows: Floats, weights: NDArray[np.float64] | None
    ) -> NDArray[np.float64]:
        if self.encoder != "additive":
            return super()._learn_batch(statistics, rows, weights)
        codes = self._codes_on(rows, self.components_)
        weighted = codes if weights is None else codes * weights[:, None]
        statistics.add(weighted.T @ codes, weighted.T @ rows.astype(np.float64, copy=False), rows, weights)
        units = self.components_.copy()
        prices, groups = self._prices(), groups_of_columns(self.part_columns_, rows.shape[1])
        threshold = prices["locality"] * statistics.energy / len(units)
        update_units(units, statistics.UtU, statistics.UtX, prices["cancellation"], 20, groups, threshold)
        return units

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
            with one_blas_thread():
                codes = self._level_by_level(values)
        return self._codes_like(codes, X)

    def _level_by_level(self, values: Floats) -> Floats:
        parts = atoms_by_part(self.atoms_, self.atom_parts_, self.part_columns_, self.part_alphas_)
        return encoders.hierarchical(values, parts, self.mixing_, n_jobs=self.n_jobs)

    def summary(self) -> pd.DataFrame:
        """One line a unit: name, parts (above a fifth of its motion), share of variance, percent of frames active.

        ``attrs`` holds variance_explained (percent), active_units and cancellation of the training motion.
        """
        check_is_fitted(self)
        table = summarize(self, self.get_feature_names_out(), self.unit_shares_, self.unit_activity_)
        table.attrs = {
            "variance_explained": self.variance_explained_,
            "active_units": self.active_units_,
            "cancellation": self.cancellation_,
        }
        return table
