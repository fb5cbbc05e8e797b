# mypy: disable-error-code="no-untyped-call"
"""Learning from more frames than fit in memory: sufficient statistics that grow batch by batch.

After every batch the atoms are those that fit all codes seen so far; UᵀU and UᵀX are all that is kept of the past
(J. Mairal et al., Online learning for matrix factorization and sparse coding, JMLR 11, 2010).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight

from dfecs_lib.coding.alternate import BALL
from dfecs_lib.coding.sparse_coding import Floats, code
from dfecs_lib.coding.unit_updates import update_atoms
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints.threads import one_blas_thread
from dfecs_lib.models.base import FrameOrFloats, UnitsBase

__all__ = ["LearnsInBatches", "Statistics", "parquet_batches"]

_NO_MASK, _NO_GROUPS = np.empty((0, 0), dtype=np.bool_), np.empty(0, dtype=np.intp)


class Statistics:
    """UᵀU, UᵀX and the frames counted, for atoms that learn batch by batch.

    Parameters
    ----------
    n_atoms, n_features : int
    """

    def __init__(self, n_atoms: int, n_features: int) -> None:
        self.UtU = np.zeros((n_atoms, n_atoms))
        self.UtX = np.zeros((n_atoms, n_features))
        self.n_frames = 0
        self.energy = 0.0

    def add(
        self, UtU: NDArray[np.float64], UtX: NDArray[np.float64], X: Floats, weights: NDArray[np.float64] | None
    ) -> None:
        """Add a batch; the say of those before fades as frames come in, for their codes belong to units since moved."""
        size = np.square(X, dtype=np.float64).sum(axis=1)
        keep = self.n_frames / (self.n_frames + len(X)) if self.n_frames else 0.0
        self.UtU = keep * self.UtU + UtU
        self.UtX = keep * self.UtX + UtX
        self.energy = keep * self.energy + float(size.sum() if weights is None else weights @ size)
        self.n_frames += len(X)

    def learn(
        self,
        X: Floats,
        atoms: NDArray[np.float64],
        alpha: float,
        *,
        weights: NDArray[np.float64] | None = None,
        mask: NDArray[np.bool_] | None = None,
        n_jobs: int | None = None,
    ) -> NDArray[np.float64]:
        """Code one batch of complete rows, add it to the statistics, and return better atoms; X stays unchanged.

        Entries outside `mask` stay zero.
        """
        coding = code(X, atoms, alpha, weights=weights, statistics=True, n_jobs=n_jobs)
        assert coding.UtU is not None
        assert coding.UtX is not None
        self.add(coding.UtU, coding.UtX, X, weights)
        better = np.array(atoms, dtype=np.float64)
        allowed = _NO_MASK if mask is None else mask
        update_atoms(better, self.UtU, self.UtX, 20, 1e-9, BALL, allowed, _NO_GROUPS, 0.0)
        return better


def _learns_in_batches(model: LearnsInBatches) -> bool:
    model._batch_alpha()  # says why not
    return True


class LearnsInBatches(UnitsBase):
    """Adds `partial_fit` to models whose units are a dictionary of the motion itself."""

    _statistics: Statistics | None = None

    def _batch_alpha(self) -> float:
        """Return the penalty on codes while learning; AttributeError where the model cannot learn in batches."""
        raise NotImplementedError

    def _batch_mask(self) -> NDArray[np.bool_] | None:
        """Return where units may differ from zero while learning; None: everywhere."""
        return None

    def _learn_batch(
        self, statistics: Statistics, rows: Floats, weights: NDArray[np.float64] | None
    ) -> NDArray[np.float64]:
        """Add one batch of complete rows to the statistics, and return the units that fit them."""
        return statistics.learn(rows, self.components_, self._batch_alpha(), weights=weights, mask=self._batch_mask())

    @available_if(_learns_in_batches)  # type: ignore[untyped-decorator]
    def partial_fit(
        self,
        X: FrameOrFloats | ArrayLike,
        y: object = None,  # noqa: ARG002 (scikit-learn's signature)
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learn from one more batch: the first is fitted as a whole, later ones better the units by their statistics.

        Memory holds one batch; `parquet_batches` cuts files into batches. Rows with missing points are left out and
        counted. Shares and activities stay those of the first batch.
        """
        if not hasattr(self, "components_"):
            self.fit(X, sample_weight=sample_weight)
            return self
        values = self._read(X, reset=False)
        complete = np.asarray(np.isfinite(values).all(axis=1))
        self.n_rows_dropped_ += int(len(values) - complete.sum())
        weights = None
        if sample_weight is not None:
            try:
                weights = _check_sample_weight(sample_weight, values, dtype=np.float64, ensure_non_negative=True)
            except ValueError as error:
                raise DfecsError(str(error)) from error
            weights = weights[complete]
        if not complete.any():
            return self
        statistics = self._statistics or Statistics(*self.components_.shape)
        rows = values if complete.all() else np.ascontiguousarray(values[complete])
        with one_blas_thread():
            units = self._learn_batch(statistics, rows, weights)
        length = np.linalg.norm(units, axis=1, keepdims=True)
        self.components_ = units / np.where(length > 0, length, 1.0)
        self._statistics = statistics
        return self


def parquet_batches(
    path: str | os.PathLike[str], *, rows: int = 65_536, dtype: type[np.floating] = np.float32
) -> Iterator[NDArray[np.floating]]:
    """Yield the keypoint columns of a Parquet file, or of a folder of them, as arrays of at most `rows` rows.

    Columns ``x_0 …, y_0 …`` are taken in the file's order, index columns are passed over; memory holds one row group.

    Examples
    --------
    >>> list(parquet_batches("missing.parquet"))
    Traceback (most recent call last):
        ...
    dfecs_lib.errors.DfecsError: missing.parquet: no such file or folder
    """
    source = Path(path)
    files = sorted(source.glob("*.parquet")) if source.is_dir() else [source]
    if not source.exists():
        raise DfecsError(f"{source}: no such file or folder")
    if not files:
        raise DfecsError(f"{source}: holds no .parquet file")
    for file in files:
        try:
            # pre_buffer would hold all of the file's row groups at once
            with pq.ParquetFile(file, pre_buffer=False, buffer_size=1 << 20) as opened:
                columns = [c for c in opened.schema_arrow.names if c[:2] in ("x_", "y_") and c[2:].isdigit()]
                if not columns:
                    raise DfecsError(f"{file}: has no keypoint columns x_0 …, y_0 …")
                for batch in opened.iter_batches(batch_size=rows, columns=columns, use_threads=False):
                    yield np.stack([np.asarray(batch.column(c), dtype=dtype) for c in columns], axis=1)
        except (pa.ArrowException, OSError) as error:
            raise DfecsError(f"{file}: not a readable Parquet file ({str(error).splitlines()[0]})") from error
