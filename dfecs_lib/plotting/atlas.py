"""The muscle atlas on a face: an arrow for every direction in which a muscle can pull a keypoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from numpy.typing import ArrayLike

from dfecs_lib.plotting.faces import draw_face, row_points
from dfecs_lib.plotting.style import COLORS, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_pulls"]


def draw_pulls(
    ax: Axes,
    neutral: pd.Series | ArrayLike,
    pulls: pd.DataFrame,
    *,
    length: float = 44.0,
    color: str = COLORS["green"],
    passive: str = COLORS["ochre"],
    label: str | None = None,
) -> None:
    """Draw pulls as arrows that start at their keypoints.

    Parameters
    ----------
    ax : matplotlib Axes
    neutral : array of shape (68, 2) or (136,)
        The face that they pull, pixels.
    pulls : DataFrame
        As `dfecs_lib.interpretability.Atlas.table` returns: columns keypoint, dx, dy, kind, and weight, which scales
        an arrow. A selection of its rows draws some muscles only.
    length : float
        Of an arrow of weight 1, pixels.
    color, passive : str
        Of muscles, and of skin that follows.
    label : str, optional
        A line under the face.
    """
    points, found = row_points(neutral, "ibug68")
    draw_face(ax, points, found, color=SOFT, linewidth=1.0, label=label)
    for kind, shade in (("muscle", color), ("passive", passive)):
        chosen = pulls[pulls["kind"] == kind]
        if len(chosen):
            start = points[chosen["keypoint"].to_numpy()]
            step = length * chosen["weight"].to_numpy()[:, None] * chosen[["dx", "dy"]].to_numpy()
            ax.quiver(
                *start.T,
                *step.T,
                angles="xy",
                scale_units="xy",
                scale=1.0,
                color=shade,
                units="dots",
                width=1.1,
                headwidth=4.5,
                headlength=4.5,
                headaxislength=4.0,
                minlength=0.5,
                zorder=3.0,
            )
