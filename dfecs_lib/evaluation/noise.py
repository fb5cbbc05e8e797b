"""How much of recorded motion is a tracker's tremble, and what units could explain at best."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import INDEX_NAMES, coordinates

__all__ = ["noise_ceiling"]

# A stretch is this many frames; the stillest tenth of a recording's stretches show its noise; so many are looked at.
_WINDOW, _STILLEST, _MOST = 25, 0.1, 400


def noise_ceiling(motion: pd.DataFrame) -> pd.DataFrame:
    r"""Return, for each recording, the variance explained that units with the true motion would reach.

    ``ceiling = 100 (1 − 2σ² / mean_t ‖x_t‖²)``

    with σ² the noise of a frame, summed over coordinates; twice, since motion is the difference of two frames, and the
    neutral one's noise is in all of them. σ² is what is left, per degree of freedom, of 25 frames in a row when each
    coordinate's straight line is taken off, in the stillest tenth of such stretches.

    Parameters
    ----------
    motion : KPM table
        Rows without all of a recording's points are left out.

    Returns
    -------
    DataFrame
        One row a recording: ``ceiling`` in percent (NaN where no 25 frames follow each other, or nothing moves),
        ``noise`` (σ², px²) and ``energy`` (mean ‖x_t‖², px²); ``frames`` used.

    Raises
    ------
    DfecsError
        If the table has no row index of recordings and frames.

    Notes
    -----
    An estimate from above, and not a strict bound. On simulated tracks that tremble as real ones (25 frames a second,
    ``benchmarks/noise_ceiling.py``) it says 97.2 % where the truth is 95.4 %, with twice the noise 91.6 % and 84.8 %,
    and correlates with it over recordings by 0.9: errors that last longer than a second, or come with a turned head, do
    not show in still stretches. And units can also fit noise, the more of them the more.

    Examples
    --------
    >>> from dfecs_lib.keypoints import make_table
    >>> rng = np.random.default_rng(0)
    >>> smile = 20 * np.clip(np.sin(np.arange(200) / 30), 0, None)
    >>> noisy = smile[:, None] + rng.normal(size=(200, 136)) * 2
    >>> round(noise_ceiling(make_table(noisy, scheme="ibug68", frames=range(200)))["ceiling"].item(), -1)
    90.0
    """
    if not isinstance(motion, pd.DataFrame) or list(motion.index.names) != list(INDEX_NAMES):
        raise DfecsError("a motion table with the row index (dataset, subject, recording, frame) is needed")
    values = coordinates(motion)
    numbers = motion.index.get_level_values("frame").to_numpy()
    found = {}
    for key, positions in motion.groupby(level=list(INDEX_NAMES[:3])).indices.items():
        rows = np.asarray(positions)[np.argsort(numbers[positions], kind="stable")]
        seen = np.isfinite(values[rows])
        whole = seen.sum(axis=1) == seen.sum(axis=1).max()
        columns = seen[whole].all(axis=0)
        faces = values[rows[whole]][:, columns]
        energy = float((faces**2).sum(axis=1).mean()) if columns.any() else float("nan")
        noise = _noise(faces, numbers[rows[whole]])
        ceiling = 100 * (1 - 2 * noise / energy) if energy > 0 else float("nan")
        found[key] = {"ceiling": ceiling, "noise": noise, "energy": energy, "frames": int(whole.sum())}
    return pd.DataFrame.from_dict(found, orient="index").rename_axis(list(INDEX_NAMES[:3]))


def _noise(faces: NDArray[np.float64], frames: NDArray[np.int64]) -> float:
    if len(faces) < _WINDOW or not faces.shape[1]:
        return float("nan")
    starts = np.flatnonzero(frames[_WINDOW - 1 :] - frames[: -_WINDOW + 1] == _WINDOW - 1)
    if not len(starts):
        return float("nan")
    line, _ = np.linalg.qr(np.vander(np.linspace(-1, 1, _WINDOW), 2))
    left = []
    for start in starts[:: max(1, len(starts) // _MOST)]:
        stretch = faces[start : start + _WINDOW]
        left.append(((stretch - line @ (line.T @ stretch)) ** 2).sum() / (_WINDOW - 2))
    return float(np.quantile(left, _STILLEST))
