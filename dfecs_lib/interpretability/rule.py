r"""The rule by which a unit is called interpretable, fixed before any learnt unit was scored.

A unit is interpretable when a psychologist could name it: when it looks like **one movement of the face**, a FACS
action unit, of both sides or one, or two or three that FACS lists as a combination. `Actions.fit` measures the likeness
L, the share of the unit's energy that the best such movement explains. A unit of non-negative codes passes when

1. :math:`L(m) \ge 0.85`, a cosine of 0.92 with that movement;
2. :math:`L(m) \ge L(-m) - 0.03`: it is not an action run backwards. A puckered mouth undone looks much like stretched
   lips, but more like a pucker undone.

With signed codes a unit stands for every motion that its code can ask for, itself **and its opposite**: both must reach
the share of 1; condition 2 is not asked of them. The lenient count, the better sign alone, is given beside.

Why 0.85: `dfecs_lib.interpretability.calibrate` draws people (faces and muscles varied), their FACS units, and motions
that no face makes. 0.85 is the lowest share, in steps of 0.05, at which opposites and turned units pass in at most one
case of ten; one half of the action units alone gives 0.90, the other 0.85. 0.03 is the mean by which other people's
FACS units fall short of a likeness of 1. On people drawn afterwards 96 % of their FACS units pass, 97 % of their
combinations, 3 % of opposites, 9 % of turned units, 7 % of mixtures of many. The opposites of raised and of closed lids
(AU 5, AU 43) are each other's look, pass, and are counted apart: with them, 12 % of opposites pass. Known combinations
count as one movement because raters see and name them as one: a smile that reaches the eyes.

Two things were mended after a first look at units of real people (seven signers), by what the manual says, not by what
would pass: AU 4 may lower the brow as a whole or at its inner end alone (before, the simulated one did the latter
only), and the 0.03, without which lowered brows (cosine 0.96 with AU 4) failed for being as like raised brows undone.

The movements are made by the simulator's muscles (`actions`): on simulated faces the share is no evidence. Nor does the
rule say that a unit failing it is no movement: people's faces differ more than the simulated ones do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

from dfecs_lib.interpretability.actions import facs_actions
from dfecs_lib.interpretability.units import Units, as_units

__all__ = ["Rule", "Share", "interpretable_share", "wilson"]


@dataclass(frozen=True)
class Rule:
    """Interpretable: a likeness of at least `share` to one movement, for `signs` of a signed unit.

    Parameters
    ----------
    share : float
        Least likeness, 0 to 1.
    margin : float
        By how much the opposite of a unit of non-negative codes may be the liker one.
    combinations : bool
        Whether known combinations of action units count as one movement.
    signs : {"all", "best"}
        Which directions of a signed unit must pass.

    Examples
    --------
    >>> Rule()
    Rule(share=0.85, margin=0.03, combinations=True, signs='all')
    """

    share: float = 0.85
    margin: float = 0.03
    combinations: bool = True
    signs: Literal["all", "best"] = "all"

    def statistic(
        self,
        motion: ArrayLike,
        *,
        signed: bool,
        present: NDArray[np.bool_] | None = None,
        scheme: str = "ibug68",
    ) -> NDArray[np.float64]:
        """Return the likeness that counts, shape (n,), 0 to 1.

        Of a unit of non-negative codes its own, or 0 where it is an action run backwards; of a signed unit the worse
        (``"all"``) or better sign's.

        Parameters
        ----------
        motion : array of shape (n, K, 2)
        signed : bool
        present : array of bool, shape (K,), optional
            Points that there are.
        scheme : str
            Of the motion: iBUG-68, or one that has all of these and more (`dfecs_lib.interpretability.own_points`).
        """
        return self.counted(*self.both_ways(motion, present=present, scheme=scheme), signed=signed)

    def both_ways(
        self, motion: ArrayLike, *, present: NDArray[np.bool_] | None = None, scheme: str = "ibug68"
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the likeness of each motion and of its opposite, shape (n,) each; arguments as in `statistic`."""
        actions, m = facs_actions(self.combinations, scheme), np.asarray(motion, dtype=np.float64)
        return actions.likeness(m, present), actions.likeness(-m, present)

    def counted(self, one: NDArray[np.float64], other: NDArray[np.float64], *, signed: bool) -> NDArray[np.float64]:
        """Return which of two likenesses counts, of a motion and of its opposite; see `statistic`."""
        if not signed:
            return np.asarray(np.where(one < other - self.margin - 1e-9, 0.0, one))
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


def interpretable_share(model: object, rule: Rule | None = None, *, signed: bool | None = None) -> Share:
    """Return the share of a model's units that the rule passes: the one figure that every table and page shows.

    Parameters
    ----------
    model : fitted model, Units, or array of shape (n_units, 2K)
        See `as_units`.
    rule : Rule, optional
    signed : bool, optional
        Whether codes may be negative; needed for an array.

    Examples
    --------
    >>> from dfecs_lib.interpretability.actions import facs_motion
    >>> smile = facs_motion()["AU12"].T.reshape(1, 136)
    >>> interpretable_share(smile, signed=False).count, interpretable_share(-smile, signed=False).count
    (1, 0)
    """
    units = as_units(model, signed=signed)
    return share_of(rule or Rule(), units)


def share_of(rule: Rule, units: Units, chance: Mapping[str, float] | None = None) -> Share:
    """Count the units that pass; `chance` is kept beside."""
    passed = rule.passes(rule.statistic(units.motion, signed=units.signed, present=units.present))
    count, n = int(passed.sum()), len(units)
    return Share(count, n, count / n, *wilson(count, n), dict(chance or {}))
