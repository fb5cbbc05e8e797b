"""Name a unit by the few muscles that make it best."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from dfecs_lib.anatomy.atlas import Atlas, load_atlas
from dfecs_lib.interpretability.units import as_motion

__all__ = ["name_muscles"]


def _side(activation: dict[str, float]) -> str:
    if "both" in activation or (len(activation) == 2 and min(activation.values()) > 0.25 * max(activation.values())):
        return "both sides"
    return max(activation.items(), key=lambda item: item[1])[0]


def name_muscles(motion: ArrayLike, atlas: Atlas | None = None, *, most: int = 3, gain: float = 0.05) -> list[str]:
    """Choose muscles one by one, each time the one whose pull, with those chosen, explains most of the motion.

    Parameters
    ----------
    motion : array of shape (68, 2)
    atlas : Atlas, optional
    most : int
        Muscles at most; both sides of one count as one.
    gain : float
        A further muscle must add at least this share of the motion's energy.

    Returns
    -------
    list of str
        Names with sides, in the order chosen; empty for a unit that does not move or that no muscle fits.

    Examples
    --------
    >>> import numpy as np
    >>> brow = np.zeros((68, 2)); brow[[20, 21], 1] = -1
    >>> name_muscles(brow)
    ['Frontalis, medial part (right)']
    """
    atlas = atlas or load_atlas()
    target = as_motion(motion)[0].ravel()
    size = float(np.linalg.norm(target))
    if size == 0:
        return []
    target = target / size
    fields = atlas.fields.reshape(len(atlas.actions), -1)
    rows: dict[str, list[int]] = {}
    for i, (muscle, _) in enumerate(atlas.actions):
        rows.setdefault(muscle, []).append(i)

    def fit(chosen: list[str]) -> tuple[float, NDArray[np.float64]]:
        activation, rest = nnls(fields[[i for m in chosen for i in rows[m]]].T, target)
        return 1.0 - float(rest) ** 2, activation

    chosen: list[str] = []
    share = 0.0
    while len(chosen) < most:
        candidates = {m: fit([*chosen, m])[0] for m in rows if m not in chosen}
        best = max(candidates, key=lambda m: candidates[m])
        if candidates[best] < share + gain:
            break
        chosen, share = [*chosen, best], candidates[best]
    if not chosen:
        return []
    _, activation = fit(chosen)
    strength = np.split(activation, np.cumsum([len(rows[m]) for m in chosen])[:-1])
    names = []
    for muscle, values in zip(chosen, strength, strict=True):
        if values.max(initial=0.0) > 0:
            sides = {str(atlas.actions[i][1]): float(v) for i, v in zip(rows[muscle], values, strict=True)}
            # What a name says in brackets is for the atlas's own table.
            names.append(f"{atlas.muscles[muscle].name.split(' (')[0]} ({_side(sides)})")
    return names
