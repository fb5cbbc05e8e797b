"""A track's quality over time as a picture: where there is no face and why, size, pose, steps and tremble."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.plotting.style import COLORS, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_quality"]

_LEFT_OUT = (("covered", "pink"), ("jump", "orange"), ("size", "violet"))


def _strip(ax: Axes, x: NDArray[np.float64], course: pd.DataFrame) -> None:
    doubt, found = course["doubt"], course["face"].astype(bool)
    rows = [("face", found, "blue"), ("no face", ~found & (doubt == ""), "grey")]
    rows += [(name, doubt == name, color) for name, color in _LEFT_OUT]
    rows += [("several", course["faces"] > 1, "green")]
    width = float(np.median(np.diff(x))) if len(x) > 1 else 1.0
    for k, (_, mask, color) in enumerate(rows):
        ax.bar(x[mask.to_numpy()], 0.8, width, bottom=k - 0.4, color=COLORS[color], linewidth=0)
    ax.set_yticks(range(len(rows)), [f"{name} {100 * mask.mean():.0f} %" for name, mask, _ in rows])
    ax.set_ylim(len(rows) - 0.5, -0.5)


def draw_quality(course: pd.DataFrame, title: str, seconds: pd.Series[float] | None = None) -> Figure:
    """Draw one recording.

    Parameters
    ----------
    course : DataFrame
        Rows of one recording of `dfecs_lib.evaluation.quality.quality_over_time`.
    title : str
    seconds : Series, optional
        Time of the rows; frames are counted where it is not known.

    Returns
    -------
    matplotlib Figure
        Over time: where a face was found, or why not; the distance between the eyes; the head's angles; the face's
        step from frame to frame, and the tremble of its points.
    """
    timed = seconds is not None and bool(np.isfinite(seconds).all())
    numbers = seconds if timed and seconds is not None else course.index.get_level_values("frame")
    x = np.asarray(numbers, dtype=np.float64)
    figure, axes = new_figure(8.0, 9.0, n_rows=5)
    _strip(axes[0], x, course)
    axes[1].plot(x, course["size_px"], color=COLORS["blue"])
    axes[1].set_ylabel("eyes apart, px")
    for angle, color in (("yaw", "blue"), ("pitch", "orange"), ("roll", "green")):
        axes[2].plot(x, course[angle], color=COLORS[color], label=angle)
    axes[2].set_ylabel("turned, degrees")
    axes[2].legend(loc="upper right", ncols=3)
    axes[3].plot(x, course["step"], color=COLORS["orange"])
    axes[3].set_ylabel("step, eye distances")
    axes[4].plot(x, course["tremble"], color=COLORS["violet"])
    axes[4].set_ylabel("tremble, %")
    axes[4].set_xlabel("time, s" if timed else "frame")
    axes[0].set_title(title, loc="left")
    for ax in axes:
        ax.set_xlim(x[0], max(x[-1], x[0] + 1e-9))
        ax.spines[["top", "right"]].set_visible(False)
    return figure
