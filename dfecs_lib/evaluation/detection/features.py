"""What a probe sees of a frame: its codes, alone or with those of the frames around it."""

from __future__ import annotations

import pandas as pd

from dfecs_lib.keypoints import in_time

__all__ = ["with_context"]

_RECORDING = ["dataset", "subject", "recording"]


def with_context(codes: pd.DataFrame, context: int = 0) -> pd.DataFrame:
    """Return codes and, beside them, each code's mean and change over the frames around, in the same recording.

    Parameters
    ----------
    codes : DataFrame of shape (n_frames, n_units)
    context : int
        Frames before and after that are looked at; 0 leaves the codes as they are.

    Returns
    -------
    DataFrame of shape (n_frames, n_units) or (n_frames, 3 n_units)
        Rows in the order of time; columns ``U01``, ``U01 mean``, ``U01 change`` (half of what the mean of the frames
        after exceeds that of the frames before). Frames without codes stay so, and count in no mean.
    """
    codes = in_time(codes)
    if not context:
        return codes
    each = [_around(part, context) for _, part in codes.groupby(level=_RECORDING, sort=False)]
    around, change = (pd.concat([part[k] for part in each]).loc[codes.index] for k in (0, 1))
    parts = [codes, around.add_suffix(" mean"), change.add_suffix(" change")]
    return pd.concat(parts, axis=1).where(codes.notna().all(axis=1), axis=0)


def _around(codes: pd.DataFrame, context: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    mean = codes.rolling(2 * context + 1, center=True, min_periods=1).mean()
    before = codes.rolling(context + 1, min_periods=1).mean()
    after = codes[::-1].rolling(context + 1, min_periods=1).mean()[::-1]
    return mean, (after - before) / 2
