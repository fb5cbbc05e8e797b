"""Keypoint FACS units from many people: regressed person by person on labelled frames, pooled with shrinkage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import coordinates, in_time, scheme_of
from dfecs_lib.models.base import FrameOrFloats
from dfecs_lib.models.checks import Check, check_count, is_text, is_whole, list_of, optional
from dfecs_lib.models.encoded import CODING_VALUES, EncodedUnits

__all__ = ["PooledFACSUnits"]

Array = NDArray[np.float64]


class PooledFACSUnits(EncodedUnits):
    r"""Keypoint units of FACS action units, estimated from labelled frames of many people.

    A mixed-effects model of motion K and intensities I, frame t of person s, coordinate j:

    .. math:: K_{tj} = \sum_a I_{ta} (d_{aj} + b_{saj}) + e_{tj}, \quad
              b_{saj} \sim N(0, \tau_{aj}^2), \quad e_{tj} \sim N(0, \sigma_j^2)

    :math:`d_a` is what one step of intensity of AU a does to everybody, :math:`b_{sa}` how person s differs. Estimates
    are those of generalized least squares and of expectation maximization for the variances (Laird and Ware, Biometrics
    38, 963–974, 1982); a person's :math:`b_{sa}` is shrunk to 0 by how little that person shows. AUs that one person
    always shows together are told apart by others who do not. Neighbouring frames are alike: :math:`\sigma_j^2` is that
    of as many independent frames as they are worth. A person's gains, how much of each pooled unit they show, are found
    by non-negative least squares.

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
        people = shared.to_frame(index=False).loc[use, ["dataset", "subject"]]
        intensity, rows = marks.to_numpy(np.float64)[use], motion[use]
        numbers, names = pd.factorize(pd.MultiIndex.from_frame(people), sort=True)
        shown = np.stack([(intensity[numbers == s] > 0).sum(axis=0) >= self.least_frames for s in range(len(names))])
        kept = np.flatnonzero(shown.any(axis=0))
        if not kept.size:
            raise DfecsError(
                f"nobody shows an action unit in {self.least_frames} frames; lower least_frames, or give more labels"
            )
        parts = [(intensity[numbers == s][:, kept], rows[numbers == s]) for s in range(len(names))]
        pooled, error, between, own = _mixed(parts, shown[:, kept], self.n_iter)
        length = np.linalg.norm(pooled, axis=1, keepdims=True)
        self.unit_names_ = [str(au) for au in marks.columns[kept]]
        self.components_, self.size_ = pooled / length, length[:, 0]
        self.standard_error_, self.between_ = error / length, between / length
        self.n_people_ = [int(n) for n in shown[:, kept].sum(axis=0)]
        labels_of = ["/".join(map(str, name)) for name in names]
        pairs = [(s, a) for s in range(len(names)) for a in range(len(kept)) if shown[s, kept[a]]]
        index = pd.MultiIndex.from_tuples(
            [(labels_of[s], self.unit_names_[a]) for s, a in pairs], names=["subject", "au"]
        )
        columns = list(scheme_of(X).columns)
        self.subject_units_ = pd.DataFrame(np.array([own[s, a] for s, a in pairs]), index=index, columns=columns)
        gains = np.full((len(names), len(kept)), np.nan)
        for s, (marks_s, K) in enumerate(parts):
            mine = shown[s, kept]
            gains[s, mine] = _gains(marks_s[:, mine], K, pooled[mine])
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


def _alike(left: Array) -> float:
    """How many frames are worth one: (1 + r) / (1 − r) with r the correlation of neighbours."""
    if len(left) < 3:
        return 1.0
    r = np.clip((left[1:] * left[:-1]).sum() / max(float((left**2).sum()), 1e-300), 0, 0.95)
    return float((1 + r) / (1 - r))


def _mixed(
    parts: list[tuple[Array, Array]], shown: NDArray[np.bool_], n_iter: int
) -> tuple[Array, Array, Array, Array]:
    """Pooled units, their standard errors, deviations between people, and each person's own units.

    Shapes (n_units, p) three times, and (n_people, n_units, p).
    """
    normal = np.stack([i.T @ i for i, _ in parts])  # (S, a, a)
    right = np.stack([i.T @ K for i, K in parts])  # (S, a, p)
    n_units, p = right.shape[1:]
    eye, frames = np.eye(n_units), sum(len(K) for _, K in parts)
    whole = normal.sum(axis=0)
    units = np.linalg.solve(whole + 1e-3 * np.trace(whole) / n_units * eye, right.sum(axis=0))
    left = [K - i @ units for i, K in parts]
    worth = float(np.mean([_alike(rest) for rest in left]))
    noise = worth * sum((rest**2).sum(axis=0) for rest in left) / frames  # (p,)
    noise = np.maximum(noise, 1e-9 * max(float(noise.max()), 1e-300))
    between = np.repeat(np.maximum((units**2).mean(axis=1) / 10, 1e-12)[None], p, axis=0)  # (p, a)
    for _ in range(n_iter):
        share = normal[:, None] / noise[:, None, None]  # (S, p, a, a)
        spread = np.linalg.inv(share + (1 / between)[:, :, None] * eye)
        weight = share - share @ spread @ share
        pull = right.transpose(0, 2, 1)[..., None] / noise[:, None, None]  # (S, p, a, 1)
        total = weight.sum(axis=0)
        covariance = np.linalg.inv(total + 1e-9 * np.trace(total, axis1=1, axis2=2)[:, None, None] / n_units * eye)
        fixed = covariance @ (pull - share @ spread @ pull).sum(axis=0)  # (p, a, 1)
        own = (spread @ (pull - share @ fixed))[..., 0]  # (S, p, a)
        second = own**2 + np.diagonal(spread, axis1=2, axis2=3)
        between = np.maximum((second * shown[:, None]).sum(axis=0) / np.maximum(shown.sum(axis=0), 1), 1e-12)
        units = fixed[..., 0].T
        rests = [K - i @ (units + b.T) for (i, K), b in zip(parts, own, strict=True)]
        noise = np.maximum(worth * sum((rest**2).sum(axis=0) for rest in rests) / frames, noise * 1e-3)
    error = np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0)).T
    return units, error, np.sqrt(between).T, units + own.transpose(0, 2, 1)
