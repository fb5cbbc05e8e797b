"""Every score of every unit of a model, with its nulls, and the share of interpretable units with its interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.anatomy.atlas import Atlas, load_atlas
from dfecs_lib.interpretability import scores
from dfecs_lib.interpretability.actions import facs_actions
from dfecs_lib.interpretability.naming import name_muscles
from dfecs_lib.interpretability.nulls import NULLS, z_and_p
from dfecs_lib.interpretability.rule import Rule, Share, share_of
from dfecs_lib.interpretability.units import Units, as_units
from dfecs_lib.keypoints.schemes import Scheme

__all__ = ["UnitScores", "score_units", "summary_table", "unit_table"]

#: Scores of which less is better: fewer parts are more local.
_SMALLER_IS_BETTER = frozenset({"locality"})


@dataclass(frozen=True)
class UnitScores:
    """What `score_units` found.

    Parameters
    ----------
    table : DataFrame
        One row a unit (see `score_units`).
    nulls : DataFrame
        One row a (unit, score, null): value, mean of the null, z, p.
    curve : DataFrame
        One row a (unit, angle): compliance, and the mean of the ``rotated`` null.
    share, share_best_sign : Share
        Interpretable units by the rule, and by the better sign alone (equal for non-negative codes).
    """

    table: pd.DataFrame
    nulls: pd.DataFrame
    curve: pd.DataFrame
    share: Share
    share_best_sign: Share
    rule: Rule
    units: Units = field(repr=False)


def _main_parts(share: NDArray[np.float64]) -> str:
    order = np.argsort(-share)
    return ", ".join(scores.PART_NAMES[p] for p in order if share[p] >= 0.1)


def _share(rule: Rule, units: Units, chance: Mapping[str, NDArray[np.float64]]) -> Share:
    return share_of(rule, units, {name: float(rule.passes(c).mean()) for name, c in chance.items()})


def score_units(
    model: object,
    *,
    scheme: str | Scheme | None = None,
    signed: bool | None = None,
    names: Sequence[str] | None = None,
    codes: ArrayLike | None = None,
    facs: object | None = None,
    facs_names: Sequence[str] | None = None,
    stability: ArrayLike | None = None,
    rule: Rule | None = None,
    atlas: Atlas | None = None,
    n_null: int = 200,
    random_state: int = 0,
) -> UnitScores:
    """Score every unit of a model.

    Parameters
    ----------
    model : fitted estimator with ``components_``, Units, or array of shape (n_units, 2K)
    scheme, signed, names
        See `as_units`.
    codes : array of shape (n_frames, n_units), optional
        Encodings, for `unidirectionality`; without them it is 1 for non-negative codes and NaN for signed ones.
    facs : model or array of shape (n_aus, 2K), optional
        Keypoint FACS units to match with; without them the FACS columns are empty.
    facs_names : sequence of str, optional
        Their names.
    stability : array of shape (n_units,), optional
        From `dfecs_lib.interpretability.stability`.
    rule : Rule, optional
        ``Rule()``, fixed beforehand, by default.
    atlas : Atlas, optional
    n_null : int
        Draws a unit and null.
    random_state : int

    Returns
    -------
    UnitScores
        ``table`` has, for each unit: likeness (to the best movement), action (which one), likeness_reversed (of the
        opposite), statistic (what the rule looks at), interpretable, interpretable_best_sign, compliance (of the unit
        with the atlas), compliance_reversed, compliance_pointwise (any muscle, acting or not), coherence, locality,
        parts, symmetry, unidirectionality, muscle_fit, muscles, facs, facs_cosine, stability.

    Examples
    --------
    >>> atlas = load_atlas()
    >>> smile = atlas.fields[[i for i, a in enumerate(atlas.actions) if a[0] == "zygomaticus_major"]].sum(axis=0)
    >>> found = score_units(smile.T.reshape(1, 136), signed=False, n_null=50)
    >>> found.share.count, found.table.action.iloc[0], found.table.muscles.iloc[0]
    (1, 'AU12', 'Zygomaticus major (both sides)')
    """
    rule, atlas = rule or Rule(), atlas or load_atlas()
    units = as_units(model, scheme=scheme, signed=signed, names=names)
    dictionary = None if facs is None else as_units(facs, signed=False, names=facs_names)
    lenient = replace(rule, signs="best")

    def fit(m: NDArray[np.float64]) -> NDArray[np.float64]:
        return scores.muscle_fit(m, atlas)[0]

    def compliance(m: NDArray[np.float64]) -> NDArray[np.float64]:
        return scores.compliance(m, atlas=atlas)

    measured: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
        "compliance": compliance,
        "coherence": scores.coherence,
        "locality": scores.locality,
        "symmetry": scores.symmetry,
        "muscle_fit": fit,
    }
    table = pd.DataFrame(index=pd.Index(units.names, name="unit"))
    table["signed"] = units.signed
    actions = facs_actions(rule.combinations)
    table["likeness"], table["action"] = actions.fit(units.motion, units.present)
    likeness = rule.both_ways(units.motion, present=units.present)
    table["likeness_reversed"] = likeness[1]
    table["statistic"] = rule.counted(*likeness, signed=units.signed)
    table["interpretable"] = rule.passes(table["statistic"])
    table["interpretable_best_sign"] = rule.passes(lenient.counted(*likeness, signed=units.signed))
    table["compliance"] = compliance(units.motion)
    table["compliance_reversed"] = compliance(-units.motion)
    table["compliance_pointwise"] = scores.compliance(units.motion, atlas=atlas, acting=False)
    table["coherence"] = scores.coherence(units.motion)
    table["locality"] = scores.locality(units.motion)
    table["parts"] = [_main_parts(row) for row in scores.part_energy(units.motion)]
    table["symmetry"] = scores.symmetry(units.motion)
    if codes is not None:
        table["unidirectionality"] = scores.unidirectionality(codes)
    else:
        table["unidirectionality"] = np.nan if units.signed else 1.0
    table["muscle_fit"] = fit(units.motion)
    table["muscles"] = ["; ".join(name_muscles(motion, atlas)) for motion in units.motion]
    table["facs"], table["facs_cosine"] = "", np.nan
    if dictionary is not None:
        entries = dictionary

        def facs_cosine(m: NDArray[np.float64]) -> NDArray[np.float64]:
            return scores.cosine_match(m, entries.motion, signed=units.signed)[0]

        measured["facs_cosine"] = facs_cosine
        best, which = scores.cosine_match(units.motion, entries.motion, signed=units.signed)
        table["facs"], table["facs_cosine"] = [entries.names[w] for w in which], best
    table["stability"] = np.nan if stability is None else np.asarray(stability, dtype=np.float64)

    rng = np.random.default_rng(random_state)
    rows, chance, lenient_chance = [], {}, {}
    values = {"likeness": table["statistic"].to_numpy()}
    values |= {name: function(units.motion) for name, function in measured.items()}
    limits = np.asarray(scores.ANGLES, dtype=np.float64)
    chance_curve = np.zeros((len(units), len(limits)))
    for null, draw in NULLS.items():
        passed, passed_best = [], []
        for i, unit in enumerate(units.names):
            drawn = draw(units.motion, i, n_null, rng)
            likeness = rule.both_ways(drawn, present=units.present)
            passed.append(rule.counted(*likeness, signed=units.signed))
            passed_best.append(lenient.counted(*likeness, signed=units.signed))
            for name in values:
                by_chance = passed[-1] if name == "likeness" else measured[name](drawn)
                z, p = z_and_p(float(values[name][i]), by_chance, larger=name not in _SMALLER_IS_BETTER)
                mean = float(np.nanmean(by_chance)) if np.isfinite(by_chance).any() else float("nan")
                rows.append((unit, name, null, float(values[name][i]), mean, z, p))
            if null == "rotated":
                chance_curve[i] = np.nanmean(scores.compliance(drawn, limits.tolist(), atlas=atlas), axis=0)
        chance[null], lenient_chance[null] = np.concatenate(passed), np.concatenate(passed_best)

    forward = scores.compliance(units.motion, limits.tolist(), atlas=atlas)
    curve = pd.DataFrame(
        {
            "unit": np.repeat(units.names, len(limits)),
            "angle": np.tile(limits, len(units)),
            "compliance": forward.ravel(),
            "by_chance": chance_curve.ravel(),
        }
    )
    return UnitScores(
        table=table,
        nulls=pd.DataFrame(rows, columns=["unit", "score", "null", "value", "null_mean", "z", "p"]),
        curve=curve,
        share=_share(rule, units, chance),
        share_best_sign=_share(lenient, units, lenient_chance),
        rule=rule,
        units=units,
    )


def unit_table(scored: Mapping[str, UnitScores]) -> pd.DataFrame:
    """Put the unit tables of several models under each other, one row a (model, unit)."""
    tables = [found.table.reset_index().assign(model=name) for name, found in scored.items()]
    joined = pd.concat(tables, ignore_index=True)
    return joined[["model", *(c for c in joined.columns if c != "model")]]


def summary_table(scored: Mapping[str, UnitScores]) -> pd.DataFrame:
    """One row a model: interpretable share with interval and chance, and the mean of each score over its units."""
    rows = []
    for name, found in scored.items():
        t = found.table
        rows.append(
            {
                "model": name,
                "units": len(t),
                "signed": found.units.signed,
                "interpretable": found.share.count,
                "share": found.share.share,
                "low": found.share.low,
                "high": found.share.high,
                "share_best_sign": found.share_best_sign.share,
                **{f"chance_{null}": value for null, value in found.share.chance.items()},
                **{
                    f"mean_{score}": float(t[score].mean())
                    for score in (
                        "likeness",
                        "statistic",
                        "compliance",
                        "compliance_pointwise",
                        "coherence",
                        "locality",
                        "symmetry",
                        "unidirectionality",
                        "muscle_fit",
                        "facs_cosine",
                        "stability",
                    )
                },
            }
        )
    return pd.DataFrame(rows).set_index("model")
