"""How the rule was fixed: simulated people's FACS units against motions that no face makes; no data, no learnt unit.

The people's faces and muscles are drawn about those that the rule's movements are made of, so that a pass here says
that the rule bears with differences between people, not that the movements are right. `muscle_motion`, from the atlas
of anatomy texts, shares no source with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.anatomy.atlas import Atlas, load_atlas
from dfecs_lib.anatomy.head import load_head
from dfecs_lib.interpretability import nulls
from dfecs_lib.interpretability.actions import facs_motion
from dfecs_lib.interpretability.rule import Rule
from dfecs_lib.simulate import ACTION_UNITS, Face
from dfecs_lib.simulate.action_units import CHANNELS
from dfecs_lib.simulate.muscles import vary_muscles

__all__ = ["PASSING", "calibrate", "draw_face", "draw_motions", "lowest_share", "muscle_motion"]

Motion = NDArray[np.float64]
#: Kinds of `draw_motions` that the rule must pass; of the others it must pass few.
PASSING = ("FACS units", "FACS units, one side", "FACS combinations")
_MUST_FAIL = ("opposites", "turned")
_LIDS = ("AU05", "AU43")


def draw_face(rng: np.random.Generator) -> Face:
    """Draw another person: shape, muscles and strength of each action."""
    head = load_head()
    identity = np.clip(rng.normal(size=(1, len(head.identity))), -2.5, 2.5)
    gains = np.exp(rng.normal(0.0, 0.12, len(CHANNELS)))
    return Face(head.identities(identity)[0], gains, vary_muscles(rng))


def _smooth(rest: Motion, length: float, n: int, rng: np.random.Generator) -> Motion:
    apart = np.linalg.norm(rest[:, None] - rest[None], axis=2)
    root = np.linalg.cholesky(np.exp(-0.5 * np.square(apart / length)) + 1e-6 * np.eye(68))
    return np.asarray(np.einsum("kl,nlc->nkc", root, rng.standard_normal((n, 68, 2))))


def muscle_motion(atlas: Atlas | None = None) -> dict[str, Motion]:
    """Return, for each action unit of the simulator, the pulls of its muscles by the atlas, (68, 2), both sides.

    Directions and strengths (1 or 0.5) are those of anatomy texts, not of the simulator.
    """
    atlas = atlas or load_atlas()
    found = {}
    for au in ACTION_UNITS:
        rows = [i for i, (key, _) in enumerate(atlas.actions) if au in atlas.muscles[key].aus]
        muscles = [i for i in rows if atlas.muscles[atlas.actions[i][0]].kind == "muscle"]
        if muscles:
            found[f"AU{au:02d}"] = atlas.fields[muscles].sum(axis=0)
    return found


def draw_motions(
    people: Iterable[int], action_units: Sequence[int] | None = None, *, random_state: int = 0
) -> dict[str, Motion]:
    """Draw people, and return what the rule must pass and what it must not.

    Parameters
    ----------
    people : iterable of int
        Seeds; the same seed is the same person.
    action_units : sequence of int, optional
        Those to use; all by default. Combinations are used where all their members are.
    random_state : int
        Of what is drawn besides people.

    Returns
    -------
    dict of str to array of shape (n, 68, 2)
        ``FACS units`` (both sides), ``FACS units, one side``, ``FACS combinations``; ``opposites`` of the first and
        ``opposites, one side``, without the lids'; ``opposites of lids``, which are each other's look; ``turned``, the
        first with each face part turned at random, ``turned, one side``; ``mixtures``, non-negative sums of 5 to 10
        action units; ``signed mixtures`` of all; ``smooth`` random fields (250 px); ``noise``.
    """
    chosen = set(ACTION_UNITS if action_units is None else action_units)
    rng = np.random.default_rng([random_state, 1])
    groups: dict[str, list[Motion]] = {}

    def add(kind: str, motion: Motion) -> None:
        groups.setdefault(kind, []).append(motion)

    rest = load_atlas().neutral
    for seed in people:
        motion = facs_motion(draw_face(np.random.default_rng(seed)), combinations=True)
        motion = {n: m for n, m in motion.items() if {int(part[2:4]) for part in n.split("+")} <= chosen}
        plain = {"": [n for n in motion if len(n) == 4], ", one side": [n for n in motion if len(n) == 5]}
        for kind, names in plain.items():
            units = np.stack([motion[n] for n in names]) if names else np.zeros((0, 68, 2))
            lids = np.array([name[:4] in _LIDS for name in names], dtype=bool)
            add(f"FACS units{kind}", units)
            add(f"opposites{kind}", -units[~lids])
            add("opposites of lids", -units[lids])
            for i in range(len(units)):
                add(f"turned{kind}", nulls.rotated(units, i, 5, rng))
        joint = [m for name, m in motion.items() if "+" in name]
        both = np.stack([motion[n] for n in plain[""]])
        add("FACS combinations", np.stack(joint) if joint else np.zeros((0, 68, 2)))
        flat = both / np.linalg.norm(both, axis=(1, 2), keepdims=True)
        for _ in range(20):
            mixed = rng.choice(len(flat), min(int(rng.integers(5, 11)), len(flat)), replace=False)
            add("mixtures", np.tensordot(rng.gamma(2.0, 0.5, len(mixed)), flat[mixed], 1)[None])
        add("signed mixtures", np.tensordot(rng.standard_normal((20, len(flat))), flat, 1))
        add("smooth", _smooth(rest, 250.0, 20, rng))
        add("noise", rng.standard_normal((20, 68, 2)))
    return {kind: np.concatenate(motions) for kind, motions in groups.items()}


def calibrate(
    rule: Rule | None = None,
    people: Iterable[int] = range(1000, 1020),
    action_units: Sequence[int] | None = None,
    *,
    random_state: int = 0,
) -> pd.DataFrame:
    """Return how often the rule passes each kind of `draw_motions`, and the atlas's own (``by the atlas``).

    Returns
    -------
    DataFrame
        One row a kind: passes (percent), n, must ("pass", "fail", or "" where it is only told).
    """
    rule = rule or Rule()
    drawn = draw_motions(people, action_units, random_state=random_state)
    anatomy = np.stack(list(muscle_motion().values()))
    drawn |= {"by the atlas": anatomy, "by the atlas, opposites": -anatomy}
    rows = {}
    for kind, motion in drawn.items():
        passed = rule.passes(rule.statistic(motion, signed=False)) if len(motion) else np.zeros(0)
        must = "pass" if kind in PASSING[:2] else "fail" if kind in _MUST_FAIL else ""
        rows[kind] = (100 * float(passed.mean()) if len(motion) else float("nan"), len(motion), must)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["passes", "n", "must"]).rename_axis("motion")


def lowest_share(
    people: Iterable[int], action_units: Sequence[int] | None = None, *, most: float = 10.0, random_state: int = 0
) -> float:
    """Return the lowest share, in steps of 0.05, at which at most `most` % of opposites and of turned pass."""
    drawn = draw_motions(people, action_units, random_state=random_state)
    likeness = {kind: Rule().statistic(drawn[kind], signed=False) for kind in _MUST_FAIL}
    for share in np.arange(0.5, 1.0, 0.05):
        if all(100 * float((values >= share - 1e-9).mean()) <= most for values in likeness.values()):
            return round(float(share), 2)
    return 1.0
