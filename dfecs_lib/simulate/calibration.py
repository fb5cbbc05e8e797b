"""How large and how varied facial motion is: the figures by which simulated faces are held against real tracks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError

__all__ = ["COUNTERPARTS", "REAL_RANGES", "Counterpart", "motion_figures"]

#: What the simulator is held to, a choice without a published source: (lowest, highest) of the medians over
#: recordings. Pixels refer to the 800 pixels wide registered face, percentages to an unseen recording.
REAL_RANGES = {
    "rms": (10.0, 17.0),
    "components_95": (3.0, 6.0),
    "components_99": (8.0, 15.0),
    "unseen_8": (93.0, 98.0),
    "unseen_16": (97.0, 99.0),
}


@dataclass(frozen=True)
class Counterpart:
    """What of a simulated dataset can fairly be held against `REAL_RANGES`.

    Attributes
    ----------
    by : tuple of str
        Index levels that make a recording: somebody who talks or emotes before a camera for some seconds to a few
        minutes, as in the real tracks.
    figures : tuple of str
        Those of `REAL_RANGES` that apply.
    """

    by: tuple[str, ...]
    figures: tuple[str, ...] = tuple(REAL_RANGES)


_SUBJECT = ("dataset", "subject")
#: Dataset -> `Counterpart`. A film is a recording, and so is a task; when a task is the unseen one, the same subject's
#: other tasks are among those seen. A posed sequence has one way to go, so a subject's sequences are taken together.
#: But nobody talks, blinks or idles in them, which makes up the last per cents of a real recording: the number of
#: components for 99 % has no counterpart.
COUNTERPARTS: Mapping[str, Counterpart] = MappingProxyType(
    {
        "sim-disfa": Counterpart((*_SUBJECT, "recording")),
        "sim-ckplus": Counterpart(_SUBJECT, tuple(figure for figure in REAL_RANGES if figure != "components_99")),
        "sim-bp4d": Counterpart((*_SUBJECT, "recording")),
    }
)


def _components(spectrum: NDArray[np.float64], share: float) -> int:
    return int(np.searchsorted(np.cumsum(spectrum) / spectrum.sum(), share) + 1)


def motion_figures(
    motion: pd.DataFrame, by: Sequence[str] = ("dataset", "subject", "recording"), least_frames: int = 40
) -> pd.DataFrame:
    """Return size and dimension of the motion of each recording, to be compared with `REAL_RANGES`.

    Parameters
    ----------
    motion : KPM table
        Motion from neutral of registered faces; rows with missing points are left out.
    by : sequence of str
        Index levels that make a recording; ``("dataset", "subject")`` takes a subject's short recordings together.
    least_frames : int
        Recordings with fewer complete frames are left out.

    Returns
    -------
    DataFrame
        One row a recording: ``frames``; ``rms``, root mean square over frames and coordinates, in pixels;
        ``components_95``, ``components_99``, how many principal components of the recording reach 95 and 99 % of its
        variance about its mean; ``unseen_8``, ``unseen_16``, variance explained
        ``100 (1 − ‖K − K̂‖² / ‖K‖²)`` of the recording by 8 and 16 principal components of all the others.

    Raises
    ------
    DfecsError
        If fewer than two recordings are long enough.

    Examples
    --------
    >>> from dfecs_lib.keypoints import make_table
    >>> rng = np.random.default_rng(0)
    >>> tables = [make_table(rng.normal(size=(50, 136)), scheme="ibug68", frames=range(50), subject=s) for s in "AB"]
    >>> motion_figures(pd.concat(tables))["frames"].tolist()
    [50, 50]
    """
    complete = motion[np.isfinite(motion.to_numpy()).all(axis=1)]
    groups = {
        key: part.to_numpy() for key, part in complete.groupby(level=list(by), sort=True) if len(part) >= least_frames
    }
    if len(groups) < 2:
        raise DfecsError(f"figures across recordings need two with at least {least_frames} complete frames each")
    total_count = sum(len(k) for k in groups.values())
    total_sum = np.sum([k.sum(axis=0) for k in groups.values()], axis=0)
    total_square = np.sum([k.T @ k for k in groups.values()], axis=0)
    rows = []
    for K in groups.values():
        spectrum = np.linalg.svd(K - K.mean(axis=0), compute_uv=False) ** 2
        count = total_count - len(K)
        mean = (total_sum - K.sum(axis=0)) / count
        covariance = (total_square - K.T @ K) / count - np.outer(mean, mean)
        directions = np.linalg.eigh(covariance)[1][:, ::-1]
        off = K - mean
        row: dict[str, float] = {
            "frames": len(K),
            "rms": float(np.sqrt((K**2).mean())),
            "components_95": _components(spectrum, 0.95),
            "components_99": _components(spectrum, 0.99),
        }
        for k in (8, 16):
            kept = off @ directions[:, :k]
            row[f"unseen_{k}"] = float(100.0 * (1.0 - ((off**2).sum() - (kept**2).sum()) / (K**2).sum()))
        rows.append(row)
    names = pd.MultiIndex.from_tuples(list(groups), names=list(by))
    return pd.DataFrame(rows, index=names).astype({"frames": int, "components_95": int, "components_99": int})
