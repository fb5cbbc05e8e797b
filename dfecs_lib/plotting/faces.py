"""Faces and their motion, drawn from keypoints: upright, in true proportions, with connected contours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.anatomy.contours import contours
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import coordinates
from dfecs_lib.keypoints.schemes import SCHEMES, Scheme, get_scheme
from dfecs_lib.plotting.style import COLORS, INK, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["arrow_points", "draw_face", "draw_motion", "row_points", "scaled_motion"]


def row_points(row: pd.Series | ArrayLike, scheme: str | Scheme | None = None) -> tuple[NDArray[np.float64], Scheme]:
    """Return one face's points (K, 2) and its scheme, from a table's row or 2K numbers ``x_0 … y_{K-1}``.

    Raises
    ------
    DfecsError
        If the numbers fit no scheme, or not the one given.
    """
    values = coordinates(row) if isinstance(row, (pd.Series, pd.DataFrame)) else np.asarray(row, dtype=np.float64)
    if values.ndim == 2 and values.shape[0] == 1:
        values = values[0]
    if values.ndim == 2 and values.shape[1] == 2:
        points = values
    elif values.ndim == 1 and values.size % 2 == 0:
        points = values.reshape(2, -1).T
    else:
        raise DfecsError(f"one face is 2K numbers or K points; an array of shape {values.shape} is neither")
    if scheme is None:
        fitting = [s for s in SCHEMES.values() if s.n_points == len(points)]
        if not fitting:
            raise DfecsError(f"{len(points)} points fit no keypoint scheme; known: {', '.join(SCHEMES)}")
        return points, fitting[0]
    found = get_scheme(scheme)
    if found.n_points != len(points):
        raise DfecsError(f"scheme {found.name!r} has {found.n_points} points but the face has {len(points)}")
    return points, found


def _frame(ax: Axes, points: NDArray[np.float64], margin: float) -> None:
    """Grow the axes' limits to hold these points; y points down, one pixel is as wide as it is high."""
    seen = points[~np.isnan(points).any(axis=1)]
    ax.set_aspect("equal")
    ax.axis("off")
    if len(seen) == 0:
        return
    pad = margin * float(np.ptp(seen, axis=0).max() or 1.0)
    low, high = seen.min(axis=0) - pad, seen.max(axis=0) + pad
    if ax.get_autoscale_on():  # the first face on these axes decides, later ones may only widen
        ax.set_xlim(low[0], high[0])
        ax.set_ylim(high[1], low[1])
    else:
        left, right = ax.get_xlim()
        bottom, top = ax.get_ylim()
        ax.set_xlim(min(left, low[0]), max(right, high[0]))
        ax.set_ylim(max(bottom, high[1]), min(top, low[1]))


def draw_face(
    ax: Axes,
    row: pd.Series | ArrayLike,
    scheme: str | Scheme | None = None,
    *,
    color: str = INK,
    linewidth: float = 1.6,
    points: bool = False,
    label: str | None = None,
    margin: float = 0.06,
    alpha: float = 1.0,
    zorder: float = 2.0,
) -> None:
    """Draw one face as connected contours.

    Parameters
    ----------
    ax : matplotlib Axes
        Its limits grow to hold the face; y is made to point down and both directions get one scale.
    row : Series or array of shape (2K,), (1, 2K) or (K, 2)
        Keypoints in pixels, y down. Missing points (NaN) leave gaps.
    scheme : str or Scheme, optional
        By default the one with K points; its lines are `dfecs_lib.anatomy.contours`.
    color, linewidth, alpha, zorder
        As matplotlib's.
    points : bool
        Draw a dot at every keypoint too.
    label : str, optional
        A line under the face.
    margin : float
        Space around the face, as a share of its larger side.
    """
    xy, found = row_points(row, scheme)
    for line in contours(found):
        ax.plot(
            xy[line, 0],
            xy[line, 1],
            color=color,
            linewidth=linewidth,
            alpha=alpha,
            zorder=zorder,
            solid_capstyle="round",
            solid_joinstyle="round",
            scalex=False,
            scaley=False,
        )
    shown = xy
    if points:
        ax.plot(
            shown[:, 0],
            shown[:, 1],
            linestyle="none",
            marker="o",
            markersize=2.4 * linewidth,
            markeredgewidth=0,
            color=color,
            alpha=alpha,
            zorder=zorder + 0.1,
            scalex=False,
            scaley=False,
        )
    _frame(ax, shown, margin)
    if label is not None:
        ax.text(0.5, -0.02, label, transform=ax.transAxes, ha="center", va="top")


def scaled_motion(
    neutral: pd.Series | ArrayLike, motion: pd.Series | ArrayLike, scheme: str | Scheme | None, scale: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], Scheme, float]:
    """Return points, steps as drawn (what is missing does not move), scheme and scale: see `draw_motion`."""
    start, found = row_points(neutral, scheme)
    step = np.nan_to_num(row_points(motion, found)[0])
    longest = float(np.linalg.norm(step, axis=1).max())
    if scale is None:
        known = start[~np.isnan(start).any(axis=1)]
        width = float(np.ptp(known[:, 0])) if len(known) else 1.0
        scale = width / 6.0 / longest if longest > 0 else 1.0
    return start, scale * step, found, scale


def arrow_points(start: NDArray[np.float64], step: NDArray[np.float64], shortest: float = 0.15) -> NDArray[np.bool_]:
    """Return which points get an arrow: those that are there and move by more than this share of the longest step."""
    length = np.linalg.norm(step, axis=1)
    chosen: NDArray[np.bool_] = (length > shortest * length.max()) & ~np.isnan(start).any(axis=1)
    return chosen


def draw_motion(
    ax: Axes,
    neutral: pd.Series | ArrayLike,
    motion: pd.Series | ArrayLike,
    scheme: str | Scheme | None = None,
    *,
    scale: float | None = None,
    color: str = COLORS["blue"],
    shortest: float = 0.15,
    label: str | None = None,
    face: bool = True,
) -> float:
    """Draw a neutral face, the face that the motion leads to, and an arrow for each keypoint that moves.

    Parameters
    ----------
    ax : matplotlib Axes
    neutral : Series or array of shape (2K,)
        The face to start from, pixels.
    motion : Series or array of shape (2K,)
        Keypoint motion from neutral, pixels: a row of a KPM table or of a model's ``components_``.
    scheme : str or Scheme, optional
        As for `draw_face`.
    scale : float, optional
        Factor on the motion. By default the longest arrow is drawn a sixth of the face's width long, so that the
        units of one model can be compared by direction, not by size.
    color : str
        Colour of arrows and of the moved face.
    shortest : float
        Arrows shorter than this share of the longest are left out.
    label : str, optional
        A line under the face.
    face : bool
        Draw the moved face too.

    Returns
    -------
    float
        The factor that was used.
    """
    start, step, found, scale = scaled_motion(neutral, motion, scheme, scale)
    draw_face(ax, start, found, color=SOFT, linewidth=1.0, alpha=0.65)
    if face:
        draw_face(ax, start + step, found, color=color, linewidth=1.5)
    moving = arrow_points(start, step, shortest)
    if moving.any():
        ax.quiver(
            *start[moving].T,
            *step[moving].T,
            angles="xy",
            scale_units="xy",
            scale=1.0,
            color=color,
            units="dots",
            width=0.7 if found.dense else 1.1,
            headwidth=4.5,
            headlength=4.5,
            headaxislength=4.0,
            minlength=0.5,
            zorder=3.0,
        )
    if label is not None:
        ax.text(0.5, -0.02, label, transform=ax.transAxes, ha="center", va="top")
    return scale
