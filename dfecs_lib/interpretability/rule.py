r"""The rule by which a unit is called interpretable, fixed before any learnt unit was scored.

A unit stands for every motion that its code can ask for. With non-negative codes that is the unit; with signed codes it
is the unit **and its opposite**. A unit is interpretable when *every* motion it stands for has at least `share` of its
energy within `angle` degrees of an admissible muscle pull.

Why not the better of the two signs: a PCA unit that raises the brows, used with a negative code, must be read as
"lowers the brows by whatever raised them". Many motions pass both ways, because the face has antagonists (brow up, brow
down), so the rule does not exclude signed units by design. The lenient count, the better sign alone, is given beside.

Why 30 degrees and 0.8: both were read off the atlas alone (`calibrate`), where they tell muscles from chance best. One
to three muscles of the atlas, their directions disturbed by 15 degrees and 5 % of noise energy added, pass in nine
cases of ten; the same motions with each face part turned at random in two of ten; their opposites in five. Other angles
and shares are an argument away, and the share by chance is always reported beside the share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

from dfecs_lib.anatomy.atlas import Atlas, load_atlas
from dfecs_lib.interpretability import nulls
from dfecs_lib.interpretability.scores import compliance

__all__ = ["Rule", "Share", "calibrate", "wilson"]


@dataclass(frozen=True)
class Rule:
    """Interpretable: at least `share` of the energy within `angle` degrees of a pull, for `signs` of a signed unit.

    Examples
    --------
    >>> Rule()
    Rule(angle=30.0, share=0.8, signs='all')
    """

    angle: float = 30.0
    share: float = 0.8
    signs: Literal["all", "best"] = "all"

    def statistic(self, motion: ArrayLike, *, signed: bool, atlas: Atlas | None = None) -> NDArray[np.float64]:
        """Return the compliance that counts: of the unit, or the worse (``"all"``) or better sign of a signed one."""
        one = compliance(motion, self.angle, atlas=atlas)
        if not signed:
            return one
        other = compliance(-np.asarray(motion), self.angle, atlas=atlas)
        return np.minimum(one, other) if self.signs == "all" else np.maximum(one, other)

    def passes(self, statistic: ArrayLike) -> NDArray[np.bool_]:
        """Whether each statistic reaches the rule's share."""
        return np.asarray(np.asarray(statistic) >= self.share - 1e-9)


@dataclass(frozen=True)
class Share:
    """A share of units with its Wilson 95 % interval, and the share that each null gives."""

    count: int
    n: int
    share: float
    low: float
    high: float
    chance: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        by_chance = ", ".join(f"{name} {value:.0%}" for name, value in self.chance.items())
        return f"{self.count} of {self.n} ({self.share:.1%}, 95 % interval {self.low:.0%}–{self.high:.0%})" + (
            f"; by chance: {by_chance}" if by_chance else ""
        )


def wilson(count: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share; (nan, nan) for none of none.

    Examples
    --------
    >>> tuple(round(x, 3) for x in wilson(14, 16))
    (0.64, 0.965)
    """
    if n == 0:
        return float("nan"), float("nan")
    interval = binomtest(count, n).proportion_ci(confidence_level=confidence, method="wilson")
    return float(interval.low), float(interval.high)


def calibrate(
    rule: Rule | None = None, *, n: int = 1000, random_state: int = 0, atlas: Atlas | None = None
) -> dict[str, float]:
    """Pass rates of the rule on motions drawn from the atlas itself and on their nulls; no data, no learnt unit.

    Returns
    -------
    dict
        ``muscles``: one to three random actions (four in five on both sides) with 15 degrees of disturbance and 5 %
        of noise energy. ``rotated``: the same with each face part turned at random. ``reversed``: their opposites.
        ``noise``: independent Gaussian motion of all keypoints.
    """
    rule, atlas = rule or Rule(), atlas or load_atlas()
    rng = np.random.default_rng(random_state)
    muscles = sorted({name for name, _ in atlas.actions})
    motion = np.zeros((n, 68, 2))
    for i in range(n):
        for name in rng.choice(muscles, rng.integers(1, 4)):
            both = rng.random() < 0.8
            for a, (muscle, side) in enumerate(atlas.actions):
                if muscle == name and (both or side != "left"):
                    motion[i] += rng.gamma(2.0, 0.5) * atlas.fields[a]
    turn = rng.normal(0.0, np.deg2rad(15.0), (n, 68))
    x, y = motion[..., 0], motion[..., 1]
    motion = np.stack([np.cos(turn) * x - np.sin(turn) * y, np.sin(turn) * x + np.cos(turn) * y], axis=-1)
    noise = rng.standard_normal(motion.shape)
    size = np.sqrt(np.square(motion).sum(axis=(1, 2)) / np.square(noise).sum(axis=(1, 2)))
    motion += np.sqrt(0.05) * size[:, None, None] * noise
    turned = np.concatenate([nulls.rotated(motion, i, 1, rng) for i in range(n)])
    draws = {"muscles": motion, "rotated": turned, "reversed": -motion, "noise": rng.standard_normal(motion.shape)}
    return {name: float(rule.passes(rule.statistic(m, signed=False, atlas=atlas)).mean()) for name, m in draws.items()}
