"""What every set of units shares: reading tables, tables out, names, decoding."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from dfecs_lib import keypoints
from dfecs_lib.coding.sparse_coding import Floats
from dfecs_lib.errors import DfecsError
from dfecs_lib.models.messages import in_plain_words
from dfecs_lib.models.naming import unit_names
from dfecs_lib.models.provenance import provenance, refuse_faces, warn_of_faces
from dfecs_lib.models.savable import SavableUnits

__all__ = ["FrameOrFloats", "UnitsBase"]

FrameOrFloats = pd.DataFrame | Floats

# No picture is so large; beyond the square root of the largest float, sums of squares overflow.
_LARGEST = 1e12


class UnitsBase(TransformerMixin, SavableUnits):  # type: ignore[misc]
    """Base of the part and full face models and of the baselines.

    A subclass sets ``components_`` (n_units, n_features) in ``fit``, and says which fitted attributes a file holds.
    """

    _prefix: ClassVar[str] = "U"

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    # -- reading -----------------------------------------------------------------------------------------------
    def _read(self, X: FrameOrFloats | ArrayLike, *, reset: bool) -> Floats:
        """Return X as a float array in the model's scheme; missing stays NaN."""
        refuse_faces(X)
        kept = provenance(X) if reset else None
        if isinstance(X, pd.DataFrame):
            X = self._keypoint_values(X, reset=reset)
        try:
            values: Floats = validate_data(
                self,
                X,
                reset=reset,
                dtype=[np.float64, np.float32],
                order="C",
                ensure_all_finite="allow-nan",
            )
        except (ValueError, TypeError) as error:
            raise in_plain_words(error, "the data") from error
        highest, lowest = (float(f.reduce(values, axis=None, initial=0.0)) for f in (np.fmax, np.fmin))
        largest = max(highest, -lowest)
        if largest > _LARGEST:
            raise DfecsError(
                f"the data hold numbers as large as {largest:.0e}; motion is some pixels: mend the table's units"
            )
        warn_of_faces(values)
        if kept is not None:
            self.metadata_ = kept
        return values

    def _keypoint_values(self, X: pd.DataFrame, *, reset: bool) -> pd.DataFrame | Floats:
        """Return the bare values of a keypoint table, in the model's scheme; any other table as it is.

        A scheme fixes its columns, so that arrays and tables may be mixed freely and no names need comparing.
        """
        mine = None if reset else getattr(self, "scheme_", None)
        theirs = X.attrs.get("scheme")
        if mine is not None and theirs is not None and theirs != mine:
            X = keypoints.convert(X, mine)
        columns = sorted(str(c) for c in X.columns)
        if any(columns == sorted(scheme.columns) for scheme in keypoints.SCHEMES.values()):
            return keypoints.in_order(X).to_numpy()
        if mine is not None and len(X.columns) == self.n_features_in_:
            raise DfecsError(f"the columns are not those of the scheme {mine!r}: x_0 … y_0 …")
        return X

    def _read_training(
        self, X: FrameOrFloats | ArrayLike, sample_weight: ArrayLike | None
    ) -> tuple[Floats, NDArray[np.float64] | None, NDArray[np.bool_]]:
        """Return complete rows, their weights (mean 1) and which rows they are; sets ``n_rows_dropped_``."""
        values = self._read(X, reset=True)
        observed = np.isfinite(values)
        empty = np.flatnonzero(~observed.any(axis=0))
        if empty.size and observed.any():
            names = list(X.columns) if isinstance(X, pd.DataFrame) else list(range(values.shape[1]))
            shown = ", ".join(str(names[k]) for k in empty[:6]) + " …" * (empty.size > 6)
            raise DfecsError(
                f"{empty.size} columns have no value in any training row ({shown}); "
                "convert the table to the scheme it really has (keypoints.convert), or leave those points out"
            )
        complete: NDArray[np.bool_] = np.asarray(observed.all(axis=1))
        weights = None
        if sample_weight is not None:
            try:
                weights = _check_sample_weight(sample_weight, values, dtype=np.float64, ensure_non_negative=True)
            except (ValueError, TypeError) as error:
                raise in_plain_words(error, "sample_weight") from error
            complete &= weights > 0
            weights = weights[complete]
        self.n_rows_dropped_ = int(len(values) - complete.sum())
        if not complete.any():
            raise DfecsError(
                f"none of the {len(values)} training rows is complete; "
                "drop the points that are often missing, or track the recordings again"
            )
        rows = values if complete.all() else np.ascontiguousarray(values[complete])
        if not rows.any():
            raise DfecsError("the training motion is zero everywhere; give motion from neutral (dfecs_lib.prepare)")
        return rows, None if weights is None else weights / weights.mean(), complete

    # -- tables out --------------------------------------------------------------------------------------------
    def _codes_like(self, codes: Floats, X: FrameOrFloats | ArrayLike) -> FrameOrFloats:
        """Give codes the index of X when X is a table; ``attrs["columns"]`` says what each column's unit moves."""
        if not isinstance(X, pd.DataFrame):
            return codes
        table = pd.DataFrame(codes, index=X.index, columns=self.get_feature_names_out())
        history = [*X.attrs.get("history", []), {"operation": "encode", "model": type(self).__name__}]
        words = dict(zip(table.columns, unit_names(self), strict=True))
        table.attrs = {"columns": words, "history": history}
        return table

    def get_feature_names_out(
        self,
        input_features: ArrayLike | None = None,  # noqa: ARG002 (scikit-learn's signature)
    ) -> NDArray[np.object_]:
        """Return the units' short names, ``U01``, ``U02``, …; `input_features` is ignored."""
        check_is_fitted(self)
        width = max(2, len(str(len(self.components_))))
        return np.array([f"{self._prefix}{k + 1:0{width}d}" for k in range(len(self.components_))], dtype=object)

    def _offset(self) -> NDArray[np.float64] | None:
        return None

    def inverse_transform(self, E: FrameOrFloats | ArrayLike) -> FrameOrFloats:
        """Return the motion that codes E stand for.

        Parameters
        ----------
        E : DataFrame or array of shape (n_frames, n_units)
            Codes as `transform` returns them.

        Returns
        -------
        DataFrame or array of shape (n_frames, n_features)
            Pixels; a table for a table. Rows of NaN codes are NaN.
        """
        check_is_fitted(self)
        if isinstance(E, pd.DataFrame) and set(names := self.get_feature_names_out()) < set(E.columns):
            E, attrs = E[list(names)], E.attrs  # time and other columns beside the codes
            E.attrs = attrs
        codes = np.asarray(E)
        if codes.dtype not in (np.float32, np.float64):
            codes = codes.astype(np.float64)
        if codes.ndim != 2 or codes.shape[1] != len(self.components_):
            raise DfecsError(f"codes of shape {codes.shape} do not fit {len(self.components_)} units")
        motion: Floats = codes @ self.components_.astype(codes.dtype)
        offset = self._offset()
        if offset is not None:
            motion = motion + offset.astype(codes.dtype)
        if not isinstance(E, pd.DataFrame):
            return motion
        scheme = getattr(self, "scheme_", None)
        if scheme is not None:
            columns: list[str] = list(keypoints.get_scheme(scheme).columns)
        else:
            columns = list(getattr(self, "feature_names_in_", [f"x{k}" for k in range(motion.shape[1])]))
        table = pd.DataFrame(motion, index=E.index, columns=columns)
        table.attrs = {
            **({"scheme": scheme} if scheme is not None else {}),
            "history": [*E.attrs.get("history", []), {"operation": "decode", "model": type(self).__name__}],
        }
        return table

    def score(self, X: FrameOrFloats | ArrayLike, y: object = None) -> float:  # noqa: ARG002 (scikit-learn's signature)
        """Return the share of the motion X that the units explain, squared and uncentred; 1 is all of it.

        Missing points are left out. `dfecs_lib.metrics.variance_explained` gives it in percent. `y` is ignored.
        """
        codes = np.asarray(self.transform(X))
        values = self._read(X, reset=False)
        left = values - np.asarray(self.inverse_transform(codes))
        seen = np.isfinite(left)
        energy = float(np.square(values[seen], dtype=np.float64).sum())
        return 1 - float(np.square(left[seen], dtype=np.float64).sum()) / energy if energy > 0 else float("nan")
