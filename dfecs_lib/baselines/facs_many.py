"""Keypoint FACS units from many people: regressed person by person on labelled frames, pooled with shrinkage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from dfecs_lib.coding.sparse_coding import Selection
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import coordinates, in_time, scheme_of
from dfecs_lib.models.base import FrameOrFloats
from dfecs_lib.models.checks import Check, check_count, check_penalty, is_text, is_whole, list_of, optional
from dfecs_lib.models.encoded import EncodedUnits

__all__ = ["PooledFACSUnits"]

Array = NDArray[np.float64]


class PooledFACSUnits(EncodedUnits):
    r"""Keypoint units of FACS action units, estimated from labelled frames of many people.

    A random-effects model, coordinate by coordinate: person s moves by :math:`d_{sa} = d_a + b_{sa}` for one step of
    intensity of AU a, with :math:`b_{sa}` of mean 0 and variance :math:`\tau_a^2`. In each person's frames

    .. math:: K_s = I_s D_s + E_s, \quad
              \hat D_s = (I_s^\top I_s + \lambda)^{-1} I_s^\top K_s, \quad
              v_{sa} = \hat\sigma_s^2 \, [(I_s^\top I_s + \lambda)^{-1}]_{aa}

    and over people :math:`\hat d_a = \sum_s w_{sa} \hat d_{sa} / \sum_s w_{sa}` with
    :math:`w_{sa} = 1 / (v_{sa} + \tau_a^2)`; :math:`\tau_a^2` by moments (DerSimonian and Laird, Controlled Clinical
    Trials 7, 177–188, 1986). A person's own units shrink towards the pooled ones by
    :math:`\tau_a^2 / (v_{sa} + \tau_a^2)`. Intensities are not negative, and neither are a person's gains: how much of
    each pooled unit a person shows, by non-negative least squares on that person's frames.

    Parameters
    ----------
    encoder, max_active, encoder_alpha, selection
        As in `FACSUnits`.
    least_frames : int
        A person counts for an AU that they show (intensity above 0) in at least as many frames.
    ridge : float
        λ, as a share of the mean squared intensity.

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
    }

    def __init__(
        self,
        *,
        encoder: Literal["direct", "sparse"] = "direct",
        max_active: int | None = None,
        encoder_alpha: float | None = None,
        selection: Selection = "elimination",
        least_frames: int = 5,
        ridge: float = 1e-3,
    ) -> None:
        self.encoder = encoder
        self.max_active = max_active
        self.encoder_alpha = encoder_alpha
        self.selection = selection
        self.least_frames = least_frames
        self.ridge = ridge

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
        check_penalty("ridge", self.ridge)
        labels = action_units if action_units is not None else y
        if not isinstance(X, pd.DataFrame) or labels is None:
            raise DfecsError("pooled FACS units need a table of motion that says who is shown, and AU labels of it")
        X = in_time(X)
        shared = X.index.intersection(labels.index)
        if not len(shared):
            raise DfecsError("the motion and the action-unit labels share no frame; they are matched by index")
        motion, marks = coordinates(X.loc[shared]), labels.loc[shared].loc[:, labels.notna().any()]
        self.scheme_ = scheme_of(X).name
        self.n_features_in_ = motion.shape[1]
        use = np.isfinite(motion).all(axis=1) & marks.notna().all(axis=1).to_numpy()
        self.n_rows_dropped_ = int(len(use) - use.sum())
        if not use.any():
            raise DfecsError("no frame has both all its points and all its action units; drop units seldom coded")
        people = cast("pd.MultiIndex", shared[use]).droplevel(["recording", "frame"])
        intensity, rows = marks.to_numpy(np.float64)[use], motion[use]
        numbers, names = pd.factorize(people, sort=True)
        n_people, n_units = len(names), intensity.shape[1]
        own = np.full((n_people, n_units, rows.shape[1]), np.nan)
        variance = np.full((n_people, n_units), np.nan)
        for person in range(n_people):
            mine = numbers == person
            shown = (intensity[mine] > 0).sum(axis=0) >= self.least_frames
            if shown.any():
                own[person, shown], variance[person, shown] = self._regress(intensity[mine][:, shown], rows[mine])
        kept = np.flatnonzero(np.isfinite(variance).any(axis=0))
        if not kept.size:
            raise DfecsError(
                f"nobody shows an action unit in {self.least_frames} frames; lower least_frames, or give more labels"
            )
        pooled, error, between = (
            np.stack(v) for v in zip(*(_pool(own[:, a], variance[:, a]) for a in kept), strict=True)
        )
        length = np.linalg.norm(pooled, axis=1)
        moving = length > 0
        kept, length = kept[moving], length[moving, None]
        self.unit_names_ = [str(marks.columns[a]) for a in kept]
        self.components_ = pooled[moving] / length
        self.size_ = length[:, 0]
        self.standard_error_, self.between_ = error[moving] / length, between[moving] / length
        self.n_people_ = [int(np.isfinite(variance[:, a]).sum()) for a in kept]
        self._people(names, numbers, own[:, kept], variance[:, kept], intensity[:, kept], rows)
        return self

    def _regress(self, intensity: Array, rows: Array) -> tuple[Array, Array]:
        """One person's units and the variance of each, in every coordinate alike."""
        normal = intensity.T @ intensity
        normal[np.diag_indices_from(normal)] += self.ridge * np.trace(normal) / len(normal)
        inverse = np.linalg.inv(normal)
        units = inverse @ intensity.T @ rows
        left = rows - intensity @ units
        # Neighbouring frames are alike: the noise of a mean falls with how many of them are independent.
        alike = np.clip(_autocorrelation(left), 0, 0.99)
        spread = float((left**2).mean()) * (1 + alike) / (1 - alike)
        return units, spread * np.diag(inverse)

    def _people(
        self,
        names: pd.Index,
        numbers: NDArray[np.intp],
        own: Array,
        variance: Array,
        intensity: Array,
        rows: Array,
    ) -> None:
        """Keep each person's shrunk units, and gains on the pooled ones."""
        pooled = self.components_ * self.size_[:, None]
        tau = (self.between_ * self.size_[:, None]) ** 2
        known = np.isfinite(variance)
        weight = tau / np.maximum(tau + np.where(known, variance, np.inf)[:, :, None], 1e-300)
        shrunk = pooled + weight * np.where(known[:, :, None], own - pooled, 0.0)
        labels = ["/".join(map(str, name)) for name in names]
        pairs = [(s, a) for s in range(len(labels)) for a in range(len(self.unit_names_)) if known[s, a]]
        index = pd.MultiIndex.from_tuples([(labels[s], self.unit_names_[a]) for s, a in pairs], names=["subject", "au"])
        self.subject_units_ = pd.DataFrame(np.array([shrunk[s, a] for s, a in pairs]), index=index)
        gains = np.full(known.shape, np.nan)
        for s in range(len(labels)):
            marks, K = intensity[numbers == s][:, known[s]], rows[numbers == s]
            D = pooled[known[s]]
            # vec(K) = Σ_a g_a vec(i_a d_aᵀ): its normal equations hold products of the two factors.
            normal = (marks.T @ marks) * (D @ D.T)
            right = np.einsum("na,nj,aj->a", marks, K, D)
            root = np.linalg.cholesky(normal + 1e-9 * np.trace(normal) / max(len(normal), 1) * np.eye(len(normal)))
            gains[s, known[s]] = nnls(root.T, np.linalg.solve(root, right))[0] if len(normal) else []
        self.gains_ = pd.DataFrame(gains, index=pd.Index(labels, name="subject"), columns=self.unit_names_)

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


def _autocorrelation(left: Array) -> float:
    """Mean correlation of neighbouring rows."""
    if len(left) < 3:
        return 0.0
    return float((left[1:] * left[:-1]).sum() / max(float((left**2).sum()), 1e-300))


def _pool(own: Array, variance: Array) -> tuple[Array, Array, Array]:
    """Pool one unit over people: mean, its standard error, and the standard deviation between people, by coordinate."""
    known = np.isfinite(variance)
    units, v = own[known], np.maximum(variance[known], 1e-12)[:, None]
    fixed = 1 / v
    mean = (fixed * units).sum(axis=0) / fixed.sum()
    heterogeneity = (fixed * (units - mean) ** 2).sum(axis=0)
    spare = float(fixed.sum() - (fixed**2).sum() / fixed.sum())
    tau2 = np.maximum(0.0, (heterogeneity - (len(units) - 1)) / spare) if len(units) > 1 else np.zeros(units.shape[1])
    weight = 1 / (v + tau2)
    return (weight * units).sum(axis=0) / weight.sum(axis=0), 1 / np.sqrt(weight.sum(axis=0)), np.sqrt(tau2)
