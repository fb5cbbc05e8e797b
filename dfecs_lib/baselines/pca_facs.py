"""What DFECS units are compared with: principal components, and units from FACS action units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from dfecs_lib.coding import encoders
from dfecs_lib.coding.sparse_coding import Floats
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import scheme_of
from dfecs_lib.models.base import FrameOrFloats, UnitsBase
from dfecs_lib.models.checks import Check, check_count, check_share, is_number, is_text, is_whole, list_of, optional
from dfecs_lib.models.encoded import CODING_VALUES, EncodedUnits

__all__ = ["FACSUnits", "PCAUnits"]


def _scheme_name(X: FrameOrFloats | ArrayLike) -> str | None:
    try:
        return scheme_of(X).name
    except DfecsError:
        return None


class PCAUnits(UnitsBase):
    """Principal components of keypoint motion, centred, with signed scores.

    Parameters
    ----------
    n_units : int, optional
        Number of components; the smallest that explains `variance` of the training motion when None.
    variance : float
        Share of the training motion, squared and uncentred as in `metrics.variance_explained`.

    Attributes
    ----------
    components_ : array of shape (n_units, 2K)
        Orthonormal, largest variance first, the largest entry of each positive.
    mean_ : array of shape (2K,)
    variance_explained_ : float
        Percent of the training motion that the reconstruction, mean included, explains.

    Examples
    --------
    >>> import numpy as np
    >>> K = np.random.default_rng(0).normal(size=(100, 3)) @ np.eye(3, 136)
    >>> PCAUnits(variance=0.95).fit(K).components_.shape
    (3, 136)
    """

    _arrays: ClassVar[Mapping[str, tuple[str, ...]]] = {"mean_": ("features",)}
    _values: ClassVar[Mapping[str, Check]] = {
        "scheme_": optional(is_text),
        "variance_explained_": is_number,
        "n_rows_dropped_": is_whole,
    }
    _prefix: ClassVar[str] = "PC"

    def __init__(self, n_units: int | None = None, variance: float = 0.95) -> None:
        self.n_units = n_units
        self.variance = variance

    def _check_settings(self) -> None:
        check_count("n_units", self.n_units)
        check_share("variance", self.variance)

    def fit(
        self,
        X: FrameOrFloats | ArrayLike,
        y: object = None,  # noqa: ARG002 (scikit-learn's signature)
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Find the components of X of shape (n_frames, 2K), pixels; `y` is ignored."""
        self._check_settings()
        rows, weights, _ = self._read_training(X, sample_weight)
        self.scheme_ = _scheme_name(X)
        motion = rows.astype(np.float64)
        w = np.ones(len(motion)) if weights is None else weights
        self.mean_ = w @ motion / w.sum()
        centred = (motion - self.mean_) * np.sqrt(w)[:, None]
        _, sizes, vectors = np.linalg.svd(centred, full_matrices=False)
        energy = float(w @ (motion**2).sum(axis=1))
        left = (sizes**2).sum() - np.cumsum(sizes**2)
        explained = 1 - left / energy if energy > 0 else np.ones(len(sizes))
        enough = np.flatnonzero(explained >= self.variance - 1e-12)
        count = self.n_units if self.n_units is not None else int(enough[0]) + 1 if enough.size else len(sizes)
        if count > len(sizes):
            raise DfecsError(f"n_units is {count}, but {motion.shape} training values have {len(sizes)} components")
        vectors = vectors[:count]
        largest = vectors[np.arange(count), np.abs(vectors).argmax(axis=1)]
        self.components_ = vectors * np.where(largest < 0, -1.0, 1.0)[:, None]
        self.variance_explained_ = float(100 * explained[count - 1])
        return self

    def _offset(self) -> NDArray[np.float64]:
        mean: NDArray[np.float64] = self.mean_
        return mean

    def transform(self, X: FrameOrFloats | ArrayLike) -> FrameOrFloats:
        """Return scores (n_frames, n_units); rows with missing points by least squares on those they have."""
        check_is_fitted(self)
        values = self._read(X, reset=False)

        def encode(rows: Floats, seen: NDArray[np.bool_]) -> Floats:
            units = self.components_[:, seen]
            back = units.T if seen.all() else np.linalg.pinv(units)
            scores: Floats = (rows - self.mean_[seen]) @ back
            return scores.astype(rows.dtype)

        return self._codes_like(encoders.by_pattern(values, len(self.components_), encode), X)


class FACSUnits(EncodedUnits):
    """Keypoint units of FACS action units: from exemplar faces, or regressed on labelled frames.

    From exemplars, a unit is the exemplar's motion from the neutral exemplar, divided by its length. From labelled
    frames, units D minimise ‖K − I·D‖²_F + ridge·‖D‖²_F for AU intensities I ≥ 0, and are divided by their lengths.

    Parameters
    ----------
    exemplars : mapping of str to array of shape (2K,), or DataFrame, optional
        Faces by name, in one scheme, registered like the motion to be encoded; the neutral one is called ``"0"`` or
        ``"neutral"``. A DataFrame has one face a row. Without it, `fit` needs labelled frames.
    encoder : {"direct", "sparse"}
        As in `FullFaceModel`.
    max_active : int, optional
        "sparse" only: most units a frame may use; see also `calibrate`.
    per_subject : bool
        Labelled frames: regress within each subject and average the units, rather than pool the frames.
    ridge : float
        Labelled frames: as a share of the mean squared intensity, for units that hardly occur.

    Attributes
    ----------
    components_ : array of shape (n_units, 2K)
        Units of length one.
    unit_names_ : list of str

    Examples
    --------
    >>> import numpy as np
    >>> smile = np.zeros(136)
    >>> smile[68 + 48] = -3.0
    >>> units = FACSUnits({"0": np.zeros(136), "12": smile}).fit()
    >>> units.unit_names_, units.components_[0, 68 + 48].item()
    (['AU12'], -1.0)
    """

    _values: ClassVar[Mapping[str, Check]] = {
        "scheme_": optional(is_text),
        "unit_names_": list_of(is_text),
        "n_rows_dropped_": is_whole,
        **CODING_VALUES,
    }

    def __init__(
        self,
        exemplars: Mapping[str, ArrayLike] | pd.DataFrame | None = None,
        *,
        encoder: Literal["direct", "sparse"] = "direct",
        max_active: int | None = None,
        per_subject: bool = False,
        ridge: float = 1e-3,
    ) -> None:
        self.exemplars = exemplars
        self.encoder = encoder
        self.max_active = max_active
        self.per_subject = per_subject
        self.ridge = ridge

    def _check_loaded(self, sizes: Mapping[str, int]) -> None:
        if len(self.unit_names_) != sizes["units"]:
            raise DfecsError(f"{len(self.unit_names_)} names do not fit {sizes['units']} units")

    def fit(
        self,
        X: FrameOrFloats | ArrayLike | None = None,
        y: pd.DataFrame | None = None,
        *,
        action_units: pd.DataFrame | None = None,
    ) -> Self:
        """Take units from the exemplars, or from motion X and labels `action_units` (or `y`), row by row.

        Parameters
        ----------
        X : DataFrame or array of shape (n_frames, 2K), optional
            Motion of the labelled frames; not needed with exemplars.
        y, action_units : DataFrame of shape (n_frames, n_aus), optional
            Intensities 0–5, columns ``AU01 …``, NaN = not coded. Matched to X by index where both are tables.
        """
        labels = action_units if action_units is not None else y
        if self.exemplars is not None:
            names, units, scheme = _from_exemplars(self.exemplars)
            self.n_features_in_ = units.shape[1]
            self.n_rows_dropped_ = 0
        elif X is None or labels is None:
            raise DfecsError("FACS units need exemplars, or motion with action_units labels")
        else:
            names, units = self._from_labels(X, labels)
            scheme = _scheme_name(X)
        length = np.linalg.norm(units, axis=1)
        if not (length > 0).any():
            raise DfecsError("no FACS unit moves any keypoint; check the exemplars or the labels")
        self.unit_names_ = [name for name, size in zip(names, length, strict=True) if size > 0]
        self.components_ = units[length > 0] / length[length > 0, None]
        self.scheme_ = scheme
        return self

    def _from_labels(self, X: FrameOrFloats | ArrayLike, labels: pd.DataFrame) -> tuple[list[str], NDArray[np.float64]]:
        if isinstance(X, pd.DataFrame):
            shared = X.index.intersection(labels.index)
            if not len(shared):
                raise DfecsError("the motion and the action-unit labels share no frame; they are matched by index")
            X, labels = X.loc[shared], labels.loc[shared]
        table = labels.loc[:, labels.notna().any() & (labels.fillna(0) > 0).any()]
        if table.empty:
            raise DfecsError("no action unit is ever active in the labels")
        if len(table) != len(np.asarray(X)):
            raise DfecsError(f"{len(np.asarray(X))} motion rows and {len(table)} rows of labels do not match")
        values = self._read(X, reset=True)
        intensity = table.to_numpy(np.float64)
        use = np.isfinite(values).all(axis=1) & np.isfinite(intensity).all(axis=1)
        self.n_rows_dropped_ = int(len(use) - use.sum())
        if not use.any():
            raise DfecsError("no frame has both all its points and all its action units; drop units seldom coded")
        groups = np.zeros(len(use), dtype=np.intp)
        if self.per_subject:
            if not isinstance(X, pd.DataFrame) or "subject" not in X.index.names:
                raise DfecsError("per_subject needs a keypoint-motion table whose index names the subject")
            groups = pd.factorize(X.index.get_level_values("subject"))[0]
        total = np.zeros((intensity.shape[1], values.shape[1]))
        seen = np.zeros(intensity.shape[1])
        for group in np.unique(groups[use]):
            here = use & (groups == group)
            active = intensity[here].any(axis=0)
            if active.any():
                marks, K = intensity[here][:, active], values[here].astype(np.float64)
                normal = marks.T @ marks
                normal[np.diag_indices_from(normal)] += self.ridge * np.trace(normal) / len(normal)
                total[active] += np.linalg.solve(normal, marks.T @ K)
                seen[active] += 1
        return [str(c) for c in table.columns], total / np.maximum(seen, 1)[:, None]

    def get_feature_names_out(
        self,
        input_features: ArrayLike | None = None,  # noqa: ARG002 (scikit-learn's signature)
    ) -> NDArray[np.object_]:
        """Return the names of the action units; `input_features` is ignored."""
        check_is_fitted(self)
        return np.array(self.unit_names_, dtype=object)

    def transform(self, X: FrameOrFloats | ArrayLike) -> FrameOrFloats:
        """Return non-negative codes (n_frames, n_units), pixels; rows without a point get NaN."""
        check_is_fitted(self)
        self._check_settings()
        return self._codes_like(self._encode(self._read(X, reset=False)), X)


def _from_exemplars(
    exemplars: Mapping[str, ArrayLike] | pd.DataFrame,
) -> tuple[list[str], NDArray[np.float64], str | None]:
    if isinstance(exemplars, pd.DataFrame):
        names = [str(n[-1] if isinstance(n, tuple) else n) for n in exemplars.index]
        faces = exemplars.to_numpy(np.float64)
        scheme = _scheme_name(exemplars)
    else:
        names = [str(n) for n in exemplars]
        rows = [np.asarray(face, dtype=np.float64) for face in exemplars.values()]
        rows = [row.T.ravel() if row.ndim == 2 and row.shape[1] == 2 else row.ravel() for row in rows]
        if len({len(row) for row in rows}) != 1:
            raise DfecsError("the exemplars have different numbers of keypoints")
        faces = np.stack(rows)
        scheme = _scheme_name(faces)
    neutral = [k for k, name in enumerate(names) if name.lower() in ("0", "neutral", "s0")]
    if len(neutral) != 1:
        raise DfecsError("exactly one exemplar must be the neutral face, called '0' or 'neutral'")
    others = [k for k in range(len(names)) if k != neutral[0]]
    if not others:
        raise DfecsError("the neutral exemplar stands alone; add one exemplar for each action unit")
    if not np.isfinite(faces).all():
        raise DfecsError("an exemplar lacks keypoints; every point of the scheme is needed")
    return [_unit_name(names[k]) for k in others], faces[others] - faces[neutral[0]], scheme


def _unit_name(name: str) -> str:
    """Return "AU12" for "12", "s12" or "AU12", and "AU06+12" for "6+12"; other names stay."""
    bare = name[1:] if name[:1] in "sS" and name[1:2].isdigit() else name
    bare = bare[2:] if bare[:2].upper() == "AU" else bare
    pieces = bare.replace("_", "+").split("+")
    if all(piece.isdigit() for piece in pieces):
        return "AU" + "+".join(f"{int(piece):02d}" for piece in pieces)
    return name
