"""Units of a mesh judged at all of its points, beside the same units judged at the 68 among them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dfecs_lib.anatomy.atlas import load_atlas
from dfecs_lib.anatomy.carried import atlas_on
from dfecs_lib.interpretability.actions import facs_actions
from dfecs_lib.interpretability.rule import Rule
from dfecs_lib.interpretability.scores import compliance
from dfecs_lib.keypoints import get_scheme

__all__ = ["at_own_points", "own_point_shares"]


def at_own_points(units: ArrayLike, scheme: str, rule: Rule | None = None, *, signed: bool = False) -> pd.DataFrame:
    """Judge each unit at the 68 points and at all of its own.

    Parameters
    ----------
    units : array of shape (n_units, 2K)
        Rows ``[x_0 …, y_0 …]``.
    scheme : str
        One that has iBUG's 68 points: ``"ibug68"``, ``"wflw98"``, ``"mediapipe478"``.
    rule : Rule, optional
    signed : bool
        Whether codes may be negative.

    The rule's share was fixed on 68 points; it carries over. Of other people's FACS units (faces and muscles drawn,
    AU 11 among them) 92 % pass at the 68 points and 97 % at all 478, of their opposites 11 and 1 %, of turned ones 2
    and 1 %.

    Returns
    -------
    DataFrame
        One row a unit: ``likeness`` (what the rule looks at), ``interpretable`` (whether it passes), ``action`` (the
        likest movement) and ``compliance`` (with the muscle atlas), each for ``68`` and for ``own``. At own points the
        movements are those of the mean head's skin, and of further points only those count that the atlas reaches
        (`dfecs_lib.anatomy.carried.atlas_on`).
        NaN and False for a unit that does not move the 68.

    Raises
    ------
    DfecsError
        If the scheme lacks one of the 68.

    Examples
    --------
    >>> from dfecs_lib.interpretability.actions import facs_motion
    >>> smile = facs_motion(scheme="mediapipe478")["AU12"].T.reshape(1, -1)
    >>> found = at_own_points(smile, "mediapipe478")
    >>> found["action own"].tolist(), found["interpretable own"].tolist(), found["interpretable 68"].tolist()
    (['AU12'], [True], [True])
    """
    rule, own = rule or Rule(), get_scheme(scheme)
    rows = np.atleast_2d(np.asarray(units, dtype=np.float64))
    motion = rows.reshape(len(rows), 2, -1).transpose(0, 2, 1)
    atlas = atlas_on(load_atlas(), own)
    there = own.positions(list(range(68)))
    moved = np.linalg.norm(motion[:, there].reshape(len(rows), -1), axis=1) > 1e-3 * np.linalg.norm(rows, axis=1)
    reached = np.zeros(own.n_points, dtype=bool)
    reached[[p.keypoint for p in atlas.pulls]] = True
    reached[there] = True  # as on the 68: a point that no muscle pulls does not comply
    found = pd.DataFrame(index=pd.RangeIndex(len(rows), name="unit"))
    for name, points, known in (("68", motion[:, there], "ibug68"), ("own", motion, own.name)):
        judged = rule.statistic(points, signed=signed, scheme=known)
        found[f"likeness {name}"] = np.where(moved, judged, np.nan)
        found[f"interpretable {name}"] = moved & rule.passes(np.nan_to_num(judged))
        found[f"action {name}"] = facs_actions(rule.combinations, known).fit(points)[1]
        kept = points if name == "68" else np.where(reached[:, None], points, 0.0)
        found[f"compliance {name}"] = compliance(kept, atlas=load_atlas() if name == "68" else atlas)
    return found


def own_point_shares(units: ArrayLike, scheme: str) -> dict[str, float]:
    """Return ``interpretable_68, interpretable_own, compliance_68, compliance_own`` in percent; NaN without all 68."""
    names = [f"{what} {where}" for what in ("interpretable", "compliance") for where in ("68", "own")]
    if not get_scheme(scheme).has(*range(68)):
        return {name.replace(" ", "_"): float("nan") for name in names}
    found = at_own_points(units, scheme)
    return {name.replace(" ", "_"): float(100 * found[name].mean()) for name in names}
