"""One-sided activity: how strongly each side of the face takes part in a unit."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.anatomy.skin import skin
from dfecs_lib.coding.encoders import direct
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import FrameOrArray, coordinates, get_scheme, in_order
from dfecs_lib.keypoints.schemes import Scheme

__all__ = ["asymmetry", "side_codes", "split_units"]

Array = NDArray[np.float64]
_LEAST = 0.02  # of the largest activity in a recording: below it, a unit is still


def split_units(units: ArrayLike, scheme: str | Scheme) -> tuple[Array, Array]:
    """Return the right and the left half of units (the subject's own sides); points on the midline go half to each.

    Examples
    --------
    >>> right, left = split_units(np.ones((1, 136)), "ibug68")
    >>> right[0, [36, 45, 30]].tolist(), left[0, [36, 45, 30]].tolist()
    ([1.0, 0.0, 0.5], [0.0, 1.0, 0.5])
    """
    known = get_scheme(scheme)
    rows, mirror = coordinates(units), known.mirror
    across = skin(known).mean[:, 0]  # x to the image's right: the subject's left
    middle = mirror == np.arange(known.n_points)
    share = np.where(middle, 0.5, (across < 0).astype(np.float64))
    weight = np.concatenate([share, share])
    return rows * weight, rows * (1 - weight)


def side_codes(
    units: ArrayLike, motion: FrameOrArray, scheme: str | Scheme, names: ArrayLike | None = None
) -> pd.DataFrame:
    """Encode motion by the two halves of every unit, without negative codes.

    Parameters
    ----------
    units : array of shape (n_units, 2K)
        Of one scheme, such as a model's ``components_``.
    motion : DataFrame or array of shape (n_frames, 2K)
    scheme : str or Scheme
    names : sequence of str, optional
        Of the units; ``U01 …`` by default.

    Returns
    -------
    DataFrame
        Columns ``(unit, "right" | "left")``; a unit at work on both sides alike has twice its plain code, once a side.
    """
    rows = coordinates(units)
    if not np.isfinite(rows).all():
        raise DfecsError("units hold missing values; keep only points that every unit has")
    values = coordinates(motion)
    if values.shape[1] != rows.shape[1]:
        raise DfecsError(f"units have {rows.shape[1]} columns but the motion has {values.shape[1]}")
    right, left = split_units(rows, scheme)
    codes = direct(np.ascontiguousarray(values), np.concatenate([right, left]), n_jobs=1)
    labels = [f"U{k + 1:02d}" for k in range(len(rows))] if names is None else [str(n) for n in np.asarray(names)]
    index = in_order(motion).index if isinstance(motion, pd.DataFrame) else None
    columns = pd.MultiIndex.from_product([["right", "left"], labels], names=["side", "unit"])
    return pd.DataFrame(codes, index=index, columns=columns).swaplevel(axis=1)[
        [(unit, side) for unit in labels for side in ("right", "left")]
    ]


def asymmetry(codes: pd.DataFrame) -> pd.Series[float]:
    """Return, unit by unit, how one-sided its activity is: (Σ right − Σ left) / (Σ right + Σ left) over frames.

    1: the subject's right side alone; −1: the left alone; 0: both alike; NaN for a unit that is never at work.

    Parameters
    ----------
    codes : DataFrame
        Of `side_codes`.
    """
    sums = codes.sum()
    right, left = (sums.xs(side, level="side") for side in ("right", "left"))
    total = right + left
    active = total > _LEAST * float(total.max())
    return ((right - left) / total.where(active)).rename("asymmetry")
