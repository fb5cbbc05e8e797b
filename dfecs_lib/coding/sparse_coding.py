r"""Non-negative sparse coding of many frames against one small dictionary.

For every row :math:`x` of X and atoms V (rows), with :math:`\alpha \ge 0`,

.. math:: \min_{u \ge 0} \tfrac12 \lVert x - V^\top u \rVert^2 + \alpha \sum_k u_k .

Every row's codes are exact: an active set, carried from row to row and mended by pivoting on the Gram matrix V·Vᵀ,
is checked against the optimality conditions. Where that fails, as with atoms that repeat, coordinate descent takes
over, with a Cholesky solve on the active units; its duality gap is bounded by ``tol`` times ½‖x‖² and is reported.
"""

# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import joblib
import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.coding.kernels import BLOCK, code_blocks, refit_rows, thin_rows
from dfecs_lib.coding.least_angle import METHODS, path_codes
from dfecs_lib.errors import DfecsError

__all__ = [
    "Coding",
    "Floats",
    "Selection",
    "as_floats",
    "code",
    "code_selected",
    "gram_of",
    "opposites",
    "sparse_encode",
    "thin",
]

#: Codes and motion are float64, or float32 throughout.
Floats = NDArray[np.floating]

#: How the sparse encoder picks a frame's units.
Selection = Literal["elimination", "lasso"]

#: Fewer blocks than this are not worth a second thread.
_BLOCKS_PER_THREAD = 8


@dataclass(frozen=True)
class Coding:
    """Codes of many frames with what was found on the way; sums run over frames, weighted where weights were given.

    Attributes
    ----------
    codes : array of shape (n_frames, n_atoms)
    energy, residual, mass : float
        Sums of ‖x‖², of ‖x − Vᵀu‖², and of the codes.
    gap : float
        Sum of the duality gaps (Frank-Wolfe gaps where alpha is 0).
    passes : int
        Largest number of coordinate-descent passes that any frame took; 0 where none needed any.
    UtU, UtX : arrays of shape (n_atoms, n_atoms) and (n_atoms, n_features), or None
        Sufficient statistics for a dictionary update.
    """

    codes: Floats
    energy: float
    residual: float
    mass: float
    gap: float
    passes: int
    UtU: NDArray[np.float64] | None = None
    UtX: NDArray[np.float64] | None = None

    def objective(self, alpha: float) -> float:
        """½‖X − U·V‖² + α‖U‖₁."""
        return 0.5 * self.residual + alpha * self.mass

    @property
    def variance_explained(self) -> float:
        """1 − ‖X − U·V‖² / ‖X‖², between 0 and 1; 1 where X is zero."""
        return 1 - self.residual / self.energy if self.energy > 0 else 1.0


def as_floats(X: ArrayLike) -> Floats:
    """Return X as a C-contiguous array, float32 where it was, else float64; a copy only where needed."""
    values = np.asarray(X)
    dtype = values.dtype if values.dtype in (np.float32, np.float64) else np.dtype(np.float64)
    return np.ascontiguousarray(values, dtype=dtype)


def _spread(work: Callable[[int, int], None], blocks: int, n_jobs: int | None) -> None:
    """Call ``work(first, last)`` on ranges of blocks, in threads where there is enough to do."""
    threads = min(joblib.effective_n_jobs(n_jobs), blocks // _BLOCKS_PER_THREAD)
    if threads > 1:
        cuts = np.linspace(0, blocks, threads + 1).astype(int)
        joblib.Parallel(n_jobs=threads, require="sharedmem")(
            joblib.delayed(work)(int(a), int(b)) for a, b in itertools.pairwise(cuts)
        )
    else:
        work(0, blocks)


def code(
    X: Floats,
    atoms: Floats,
    alpha: float,
    *,
    start: Floats | None = None,
    weights: NDArray[np.float64] | None = None,
    max_passes: int = 1000,
    tol: float = 1e-8,
    statistics: bool = False,
    n_jobs: int | None = None,
) -> Coding:
    """Code complete rows (no NaN); the workhorse behind `sparse_encode`, which checks its arguments.

    `start` holds codes from which coordinate descent begins where it is needed; `statistics` also returns UᵀU and
    UᵀX.
    """
    n, d = X.shape
    p = len(atoms)
    V = np.ascontiguousarray(atoms, dtype=X.dtype)
    U = np.zeros((n, p), X.dtype) if start is None else start.astype(X.dtype, order="C", copy=True)
    w = np.empty(0, X.dtype) if weights is None else np.ascontiguousarray(weights, dtype=X.dtype)
    Vt = np.ascontiguousarray(V.T)
    gram = V @ V.T
    gram = (gram + gram.T) / 2  # to the last bit: pivoting takes rows for columns
    blocks = -(-n // BLOCK)
    UtU = np.zeros((blocks if statistics else 0, p, p), X.dtype)
    UtX = np.zeros((blocks if statistics else 0, p, d), X.dtype)
    sums = np.zeros((blocks, 5))
    level = X.dtype.type(alpha)
    limit = X.dtype.type(tol)

    def work(first: int, last: int) -> None:
        code_blocks(X, Vt, gram, level, U, w, first, last, max_passes, limit, statistics, UtU, UtX, sums)

    _spread(work, blocks, n_jobs)
    total = sums.sum(axis=0)
    return Coding(
        codes=U,
        energy=float(total[0]),
        residual=float(total[1]),
        mass=float(total[2]),
        gap=float(total[3]),
        passes=int(sums[:, 4].max(initial=0)),
        UtU=UtU.sum(axis=0, dtype=np.float64) if statistics else None,
        UtX=UtX.sum(axis=0, dtype=np.float64) if statistics else None,
    )


def gram_of(units: Floats, cancellation: float = 0.0) -> NDArray[np.float64]:
    r"""Matrix G of the coding problem :math:`\min_e \tfrac12 e^\top G e - e^\top V x`, for units V.

    The penalty on what cancels out, :math:`\tfrac\gamma2 (\lVert e|V| \rVert^2 - \lVert eV \rVert^2)` with |V|
    elementwise, is part of it: :math:`G = (1-\gamma) V V^\top + \gamma |V||V|^\top`, which is convex for 0 ≤ γ ≤ 1.

    Examples
    --------
    >>> import numpy as np
    >>> gram_of(np.array([[1.0, 0.0], [-0.6, 0.8]]), 0.5).round(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    V = np.ascontiguousarray(units, dtype=np.float64)
    gram = V @ V.T
    if cancellation:
        gram = (1 - cancellation) * gram + cancellation * (np.abs(V) @ np.abs(V).T)
    return np.ascontiguousarray((gram + gram.T) / 2)  # to the last bit: pivoting takes rows for columns


def opposites(units: Floats, cosine: float = -0.7) -> NDArray[np.bool_]:
    """Say of every pair of units whether they are opposites: whether their cosine is below `cosine`."""
    V = np.asarray(units, dtype=np.float64)
    length = np.linalg.norm(V, axis=1, keepdims=True)
    V = V / np.where(length > 0, length, 1.0)
    return np.ascontiguousarray(cosine > V @ V.T)


def thin(
    X: Floats,
    units: Floats,
    *,
    alpha: float = 0.0,
    max_active: int | None = None,
    cancellation: float = 0.0,
    apart: NDArray[np.bool_] | None = None,
    n_jobs: int | None = None,
) -> NDArray[np.float64]:
    r"""Codes on few units a row, each worth more than alpha²; complete rows only.

    .. math:: \min_{e \ge 0} \lVert x - e V \rVert^2
              + \gamma (\lVert e|V| \rVert^2 - \lVert eV \rVert^2) + \alpha^2 \lVert e \rVert_0

    with γ the `cancellation`. The search begins at the best codes without alpha and drops and adds one unit at a time,
    as long as the sum falls; see `dfecs_lib.coding.kernels.thin_rows`.

    Parameters
    ----------
    X : array of shape (n_frames, n_features)
    units : array of shape (n_units, n_features)
        V.
    alpha : float
        Pixels.
    max_active : int, optional
        Most units a row may use.
    cancellation : float
        γ, from 0 to 1.
    apart : array of bool, shape (n_units, n_units), optional
        Units that may not work together in one row.
    n_jobs : int, optional
        Threads. The result is the same bytes for any number.
    """
    n, p = len(X), len(units)
    V = np.ascontiguousarray(units, dtype=np.float64)
    gram = gram_of(V, cancellation)
    start = np.ascontiguousarray(X.astype(np.float64, copy=False) @ V.T)
    ban = np.zeros((p, p), dtype=np.bool_) if apart is None else apart
    most = p if max_active is None else min(max_active, p)
    U = np.zeros((n, p))

    def work(first: int, last: int) -> None:
        thin_rows(gram, start, float(alpha) ** 2, most, ban, U, first * BLOCK, min(last * BLOCK, n))

    _spread(work, -(-n // BLOCK), n_jobs)
    return U


def code_selected(
    X: Floats,
    atoms: Floats,
    *,
    alpha: float | None = None,
    max_active: int | None = None,
    selection: Selection = "elimination",
    n_jobs: int | None = None,
) -> Floats:
    """Codes on few atoms a row, refitted by least squares without penalty; complete rows only.

    ``"elimination"`` is `thin`. ``"lasso"`` keeps the atoms that the non-negative lasso picks: at `alpha`, or, where
    `max_active` is given, at the smallest penalty that keeps no more than that.
    """
    level = 0.0 if alpha is None else alpha
    if selection == "elimination":
        return thin(X, atoms, alpha=level, max_active=max_active, n_jobs=n_jobs).astype(X.dtype, copy=False)
    V = np.ascontiguousarray(atoms, dtype=np.float64)
    gram, start = gram_of(V), np.ascontiguousarray(X.astype(np.float64, copy=False) @ V.T)
    if max_active is None:
        U = code(X, atoms, level, n_jobs=n_jobs).codes.astype(np.float64)
    else:
        U = path_codes(gram, start, min(max_active, len(V)), METHODS["nonnegative"])
    refit_rows(gram, start, U, 0, len(U))
    return U.astype(X.dtype, copy=False)


def sparse_encode(
    X: ArrayLike,
    atoms: ArrayLike,
    alpha: float = 0.0,
    *,
    start: ArrayLike | None = None,
    tol: float = 1e-8,
    max_passes: int = 1000,
    n_jobs: int | None = None,
) -> Coding:
    r"""Non-negative lasso codes of every row of X: :math:`\min_{u\ge0} ½‖x − Vᵀu‖² + α Σ_k u_k`.

    Parameters
    ----------
    X : array-like of shape (n_frames, n_features)
        Complete rows; float32 is computed in float32.
    atoms : array-like of shape (n_atoms, n_features)
        V. Rows need not have unit length; an atom of zeros gets code 0.
    alpha : float
        Penalty, in the unit of X (pixels) times that of the atoms; 0 gives non-negative least squares.
    start : array-like of shape (n_frames, n_atoms), optional
        Non-negative codes from which coordinate descent begins, where it is needed; zeros by default.
    tol : float
        Bound on each row's duality gap, as a share of its ½‖x‖².
    max_passes : int
        Most coordinate-descent passes a row may take.
    n_jobs : int, optional
        Threads, as joblib counts them. The result is the same bytes for any number.

    Returns
    -------
    Coding

    Raises
    ------
    DfecsError
        For shapes that do not fit, missing values, or a negative alpha.

    Examples
    --------
    >>> import numpy as np
    >>> atoms = np.array([[1.0, 0.0], [0.6, 0.8]])
    >>> sparse_encode([[3.0, -1.0]], atoms, alpha=0.5).codes
    array([[2.5, 0. ]])
    """
    rows, V = as_floats(X), as_floats(atoms)
    if rows.ndim != 2 or V.ndim != 2 or rows.shape[1] != V.shape[1] or not len(V):
        raise DfecsError(f"frames of shape {rows.shape} and atoms of shape {V.shape} do not fit together")
    if alpha < 0:
        raise DfecsError(f"alpha is {alpha}, but a penalty cannot be negative")
    if not (np.isfinite(rows).all() and np.isfinite(V).all()):
        raise DfecsError("frames or atoms hold missing or infinite values; models' transform handles missing points")
    first = None
    if start is not None:
        first = as_floats(start)
        if first.shape != (len(rows), len(V)) or (first < 0).any():
            raise DfecsError(f"start must hold non-negative codes of shape {(len(rows), len(V))}")
    return code(rows, V, alpha, start=first, max_passes=max_passes, tol=tol, n_jobs=n_jobs)
