"""Keypoint FACS units from many people: regressed person by person on labelled frames, pooled with shrinkage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from dfecs_lib.baselines.mixed_effects import mixed_effects
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import coordinates, in_time, scheme_of
from dfecs_lib.models.base import FrameOrFloats
from dfecs_lib.models.checks import Check, check_count, is_text, is_whole, list_of, optional
from dfecs_lib.models.encoded import CODING_VALUES, EncodedUnits

__all__ = ["PooledFACSUnits"]

Array = NDArray[np.float64]


class PooledFACSUnits(EncodedUnits):
    r"""Keypoint units of FACS action units, estimated from labelled frames of many people.

    .. math:: K_{tj} = \sum_a I_{ta} (d_{aj} + b_{saj}) + c_{rj} + e_{tj}

    Motion K of frame t, coordinate j, by intensities I: :math:`d_a` is what one step of intensity of AU a does to
    everybody, :math:`b_{sa}` how person s differs, :math:`c_r` what all frames of a recording inherit from its resting
    frame, e errors that are alike in neighbouring frames. AUs that one person always shows together are told apart by
    others who do not. What an AU does not move, in a part of the face or on one side only, is shrunk to nothing; a
    person's :math:`b_{sa}` is shrunk by how little that person shows. `dfecs_lib.baselines.mixed_effects` says how all
    of this is estimated. A person's gains, how much of each pooled unit they show, are found by non-negative least
    squares.

    Parameters
    ----------
    encoder, max_active
        As in `FACSUnits`.
    least_frames : int
        A person counts for an AU that they show (intensity above 0) in at least as many frames.
    n_iter : int
        Rounds of expectation maximization.

    Attributes
    ----------
    components_ : array of shape (n_units, 2K)
        Pooled units of length one.
    unit_names_ : list of str
        ``AU01 …``
    size_ : array of shape (n_units,)
        Length of the pooled motion for one step of intensity, pixels.
    standard_error_ : array of shape (n_units, 2K)
        Of the pooled motion, in the units of ``components_``.
    between_ : array of shape (n_units, 2K)
        τ, how much people differ, in the units of ``components_``.
    n_people_ : list of int
        People who count for each AU.
    subject_units_ : DataFrame
        Index ``(subject, au)``; a person's shrunk unit, pixels for one step of intensity. Not kept in files.
    gains_ : DataFrame
        Index subject, columns AUs; NaN where a person does not count. Not kept in files.

    Examples
    --------
    >>> from dfecs_lib import load
    >>> from dfecs_lib.preprocessing import prepare
    >>> data = load("sim-ckplus")
    >>> units = PooledFACSUnits(least_frames=3).fit(prepare(data), action_units=data.truth.action_units)
    >>> "AU12" in units.unit_names_
    True
    """

    _arrays: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "size_": ("units",),
        "standard_error_": ("units", "features"),
        "between_": ("units", "features"),
    }
    _values: ClassVar[Mapping[str, Check]] = {
        "scheme_": optional(is_text),
        "unit_names_": list_of(is_text),
        "n_people_": list_of(is_whole),
        "n_rows_dropped_": is_whole,
        **CODING_VALUES,
    }

    def __init__(
        self,
        *,
        encoder: Literal["direct", "sparse"] = "direct",
        max_active: int | None = None,
        least_frames: int = 5,
        n_iter: int = 30,
    ) -> None:
        self.encoder = encoder
        self.max_active = max_active
        self.least_frames = least_frames
        self.n_iter = n_iter

    def _check_loaded(self, sizes: Mapping[str, int]) -> None:
        if len(self.unit_names_) != sizes["units"] or len(self.n_people_) != sizes["units"]:
            raise DfecsError(f"{len(self.unit_names_)} names do not fit {sizes['units']} units")

    def fit(self, X: pd.DataFrame, y: pd.DataFrame | None = None, *, action_units: pd.DataFrame | None = None) -> Self:
        """Estimate the units from motion X and labels `action_units` (or `y`), matched by index.

        Parameters
        ----------
        X : KPM table
        y, action_units : AU table
            Intensities 0–5, NaN = not coded: such a frame is left out; drop units that are seldom coded.

        Raises
        ------
        DfecsError
            If motion and labels share no frame, or nobody shows an AU in enough frames.
        """
        self._check_settings()
        check_count("least_frames", self.least_frames)
        check_count("n_iter", self.n_iter)
        labels = action_units if action_units is not None else y
        if not isinstance(X, pd.DataFrame) or labels is None:
            raise DfecsError("pooled FACS units need a table of motion that says who is shown, and AU labels of it")
        X = in_time(X)
        shared = pd.MultiIndex.from_frame(X.index.intersection(labels.index).to_frame(index=False))
        if not len(shared):
            raise DfecsError("the motion and the action-unit labels share no frame; they are matched by index")
        motion, marks = coordinates(X.loc[shared]), labels.loc[shared].loc[:, labels.notna().any()]
        self.scheme_ = scheme_of(X).name
        self.n_features_in_ = motion.shape[1]
        use = np.isfinite(motion).all(axis=1) & marks.notna().all(axis=1).to_numpy()
        self.n_rows_dropped_ = int(len(use) - use.sum())
        if not use.any():
            raise DfecsError("no frame has both all its points and all its action units; drop units seldom coded")
        people = shared.to_frame(index=False).loc[use, ["dataset", "subject"]]
        intensity, rows = marks.to_numpy(np.float64)[use], motion[use]
        numbers, names = pd.factorize(pd.MultiIndex.from_frame(people), sort=True)
        shown = np.stack([(intensity[numbers == s] > 0).sum(axis=0) >= self.least_frames for s in range(len(names))])
        kept = np.flatnonzero(shown.any(axis=0))
        if not kept.size:
            raise DfecsError(
                f"nobody shows an action unit in {self.least_frames} frames; lower least_frames, or give more labels"
            )
        intensity = intensity[:, kept]
        found = mixed_effects(intensity, rows, shared[use], shown[:, kept], scheme_of(X), self.n_iter)
        pooled = found.units
        length = np.linalg.norm(pooled, axis=1, keepdims=True)
        self.unit_names_ = [str(au) for au in marks.columns[kept]]
        self.components_, self.size_ = pooled / length, length[:, 0]
        self.standard_error_, self.between_ = found.error / length, found.between / length
        self.n_people_ = [int(n) for n in shown[:, kept].sum(axis=0)]
        labels_of = ["/".join(map(str, name)) for name in names]
        pairs = [(s, a) for s in range(len(names)) for a in range(len(kept)) if shown[s, kept[a]]]
        index = pd.MultiIndex.from_tuples(
            [(labels_of[s], self.unit_names_[a]) for s, a in pairs], names=["subject", "au"]
        )
        columns = list(scheme_of(X).columns)
        self.subject_units_ = pd.DataFrame(np.array([found.own[s, a] for s, a in pairs]), index=index, columns=columns)
        gains = np.full((len(names), len(kept)), np.nan)
        for s in range(len(names)):
            mine, here = shown[s, kept], numbers == s
            gains[s, mine] = _gains(intensity[here][:, mine], rows[here], pooled[mine])
        self.gains_ = pd.DataFrame(gains, index=pd.Index(labels_of, name="subject"), columns=self.unit_names_)
        return self

    def get_feature_names_out(
        self,
        input_features: ArrayLike | None = None,  # noqa: ARG002 (scikit-learn's signature)
    ) -> NDArray[np.object_]:
        """Return the names of the action units; `input_features` is ignored."""
        return np.array(self.unit_names_, dtype=object)

    def transform(self, X: FrameOrFloats | ArrayLike) -> FrameOrFloats:
        """Return non-negative codes (n_frames, n_units), pixels; rows without a point get NaN."""
        self._check_settings()
        return self._codes_like(self._encode(self._read(X, reset=False)), X)


def _gains(intensity: Array, K: Array, units: Array) -> Array:
    """Non-negative g that bring Σ_a g_a i_a d_aᵀ nearest to K."""
    if not intensity.shape[1]:
        return np.empty(0)
    # vec(K) = Σ_a g_a vec(i_a d_aᵀ): its normal equations hold products of the two factors.
    normal = (intensity.T @ intensity) * (units @ units.T)
    right = np.einsum("na,nj,aj->a", intensity, K, units)
    root = np.linalg.cholesky(normal + 1e-9 * np.trace(normal) / len(normal) * np.eye(len(normal)))
    return np.asarray(nnls(root.T, np.linalg.solve(root, right))[0])
