"""First looks at data: what a recording holds, how steady its points are, and what each preprocessing step leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import INDEX_NAMES, coordinates, in_time, scheme_of, to_points
from dfecs_lib.keypoints.dataset import Dataset
from dfecs_lib.preprocessing import motion_vectors, preparation

__all__ = ["eye_distance", "jitter", "motion_left", "overview", "rows_at", "spread_frames", "stages"]

_RECORDING = list(INDEX_NAMES[:3])
# Outer eye corners, iBUG-68; in the registered frame they are this far apart.
_EYES, _REGISTERED_EYES = (36, 45), 600.0


def eye_distance(table: pd.DataFrame) -> pd.Series[float]:
    """Return the distance of the outer eye corners in every frame, in the table's pixels."""
    points = to_points(table)
    right, left = scheme_of(table).positions(list(_EYES))
    return pd.Series(np.linalg.norm(points[:, right] - points[:, left], axis=1), index=table.index)


def overview(datasets: Mapping[str, Dataset]) -> pd.DataFrame:
    """Return one row a recording: frames, frames with a face, scheme, neutral frame.

    Parameters
    ----------
    datasets : mapping of name -> Dataset
    """
    rows = []
    for name, data in datasets.items():
        rest = preparation(data).neutral.index if data.neutral is None else data.neutral.index
        neutral = {tuple(key[:3]): key[3] for key in rest}
        shared = {tuple(key[:2]): key[3] for key in rest}
        for key, part in data.keypoints.groupby(level=_RECORDING, sort=False):
            found = tuple(map(str, key)) if isinstance(key, tuple) else (str(key),)
            rows.append(
                {
                    "source": name.partition("@")[0],
                    "recording": "/".join(dict.fromkeys(p for p in found[1:] if p)),
                    "frames": len(part),
                    "with a face": int(part.notna().any(axis=1).sum()),
                    "scheme": str(data.keypoints.attrs["scheme"]),
                    "neutral frame": int(neutral.get(found, shared.get(found[:2], -1))),
                    "face size (px)": round(float(np.nanmedian(eye_distance(part))), 1),
                }
            )
    return pd.DataFrame(rows).set_index(["source", "recording"])


def spread_frames(table: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return up to `n` rows with a face, spread evenly over the table."""
    seen = in_time(table[table.notna().any(axis=1)])
    return seen.iloc[np.unique(np.linspace(0, len(seen) - 1, min(n, len(seen))).round().astype(int))]


def rows_at(table: pd.DataFrame, frames: Sequence[int]) -> pd.DataFrame:
    """Return the rows of these frame numbers; DfecsError names those that the table lacks."""
    numbers = table.index.get_level_values("frame")
    lacking = [f for f in frames if f not in numbers]
    if lacking:
        raise DfecsError(f"no frame {', '.join(map(str, lacking))}; frames run from {numbers.min()} to {numbers.max()}")
    return table[numbers.isin(frames)]


def jitter(datasets: Mapping[str, Dataset]) -> pd.DataFrame:
    r"""Return how much tracked points tremble, a row a source.

    Root mean square, over frames and points, of :math:`x_t - (x_{t-1} + x_{t+1}) / 2`, divided by the root of 1.5,
    which is what white noise of size one gives; in percent of the outer eye corners' distance and in pixels.

    Parameters
    ----------
    datasets : mapping of name -> Dataset
    """
    rows = {}
    for name, data in datasets.items():
        squares: list[NDArray[np.float64]] = []
        sizes: list[NDArray[np.float64]] = []
        for _, part in data.keypoints.groupby(level=_RECORDING, sort=False):
            part = in_time(part)
            values = coordinates(part)
            size = eye_distance(part).to_numpy()[1:-1]
            departure = to_points(values[1:-1] - (values[:-2] + values[2:]) / 2)
            squares.append(np.sum(departure**2, axis=2) / 1.5)
            sizes.append(np.repeat(size[:, None], departure.shape[1], axis=1))
        square, size = np.concatenate(squares), np.concatenate(sizes)
        rows[name] = {
            "jitter (px)": float(np.sqrt(np.nanmean(square))),
            "jitter (% of eye distance)": 100 * float(np.sqrt(np.nanmean(square / size**2))),
        }
    return pd.DataFrame(rows).T.rename_axis("source").round(3)


def stages(preprocessor: Pipeline, table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the table as tracked and after every step, by the step's name ("tracked" is the first).

    Examples
    --------
    >>> from dfecs_lib.anatomy.head import load_head
    >>> from dfecs_lib.keypoints import make_table
    >>> from dfecs_lib.preprocessing import make_preprocessor
    >>> face = make_table(load_head().mean[None, :, :2], scheme="ibug68", frames=[0])
    >>> list(stages(make_preprocessor(parts=False), face))
    ['tracked', 'frontalize', 'affine']
    """
    out = {"tracked": table}
    current = table
    for name, step in preprocessor.steps:
        if isinstance(step, str):  # "passthrough"
            continue
        current = step.fit_transform(current)
        out[name] = current
    return out


def motion_left(preprocessor: Pipeline, data: Dataset) -> pd.Series[float]:
    """Return the size of motion from neutral as tracked and after every step.

    Root mean square over frames and coordinates. Before registration, pixels are those of a face whose outer eye
    corners are as far apart in its neutral frame as registration puts them, so that the sizes compare.
    """
    sizes = {}
    rest = preparation(data, preprocessor=preprocessor).neutral.index
    for name, table in stages(preprocessor, data.keypoints).items():
        neutral = table.loc[rest]
        motion = motion_vectors(table, neutral)
        scale = _REGISTERED_EYES / float(eye_distance(neutral).mean())
        sizes[name] = scale * float(np.sqrt(np.nanmean(np.asarray(motion) ** 2)))
    return pd.Series(sizes, name="motion (px)").rename_axis("after")
