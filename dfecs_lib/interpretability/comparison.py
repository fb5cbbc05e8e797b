"""Scores of many sets of units side by side: methods, chance, preprocessing left out, and the known truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from dfecs_lib.evaluation.ablation import Faces, Variant, variant_motion
from dfecs_lib.evaluation.frames import UnitModel
from dfecs_lib.interpretability.rule import Rule, interpretable_share
from dfecs_lib.interpretability.scores import locality
from dfecs_lib.interpretability.stability import recovery
from dfecs_lib.interpretability.table import UnitScores, score_units, summary_table
from dfecs_lib.interpretability.units import Units, as_units
from dfecs_lib.keypoints import coordinates, in_time

__all__ = ["ablation_scores", "random_units", "score_methods", "truth_table", "truth_trend", "unit_measures"]


def random_units(
    motion: pd.DataFrame, n_units: int, *, variance: float = 0.95, signed: bool = False, random_state: int = 0
) -> Units:
    """Units that are random motions of the data's own kind: what looks like data, but was not chosen.

    Gaussian draws with the data's covariance, cut to the principal components that hold `variance` of it: the
    random rotation of a PCA, each direction as likely as the data use it.

    Parameters
    ----------
    motion : KPM table
    n_units : int
    variance : float
    signed : bool
        How codes on them are meant. Not signed is the lenient reading.
    random_state : int
    """
    rows = np.nan_to_num(coordinates(in_time(motion)))
    _, sizes, vectors = np.linalg.svd(rows, full_matrices=False)
    kept = int(np.searchsorted(np.cumsum(sizes**2) / (sizes**2).sum(), variance)) + 1
    weights = np.random.default_rng(random_state).standard_normal((n_units, kept))
    return as_units((weights * sizes[:kept]) @ vectors[:kept], scheme=motion.attrs.get("scheme"), signed=signed)


def score_methods(
    methods: Mapping[str, UnitModel],
    motion: pd.DataFrame,
    *,
    n_random: int = 50,
    facs: object | None = None,
    facs_names: Sequence[str] | None = None,
    rule: Rule | None = None,
    n_null: int = 100,
    random_state: int = 0,
) -> dict[str, UnitScores]:
    """Score fitted models on one set of motion, and random units of the same data beside them.

    Parameters
    ----------
    methods : mapping of name -> fitted model
    motion : KPM table
        For the codes (unidirectionality) and the random units.
    n_random : int
        Random units, many so that their share is known well; 0 leaves them out.
    facs, facs_names, rule, n_null, random_state
        See `score_units`.

    Returns
    -------
    dict
        Name -> `UnitScores`; the random units are called ``"random"`` (no minus signs, the lenient reading) and
        ``"random, signed"``.
    """
    found = {
        name: score_units(
            model,
            codes=np.asarray(model.transform(motion)),
            facs=facs,
            facs_names=facs_names,
            rule=rule,
            n_null=n_null,
            random_state=random_state,
        )
        for name, model in methods.items()
    }
    for signed in (False, True) if n_random else ():
        units = random_units(motion, n_random, signed=signed, random_state=random_state)
        found["random, signed" if signed else "random"] = score_units(
            units, facs=facs, facs_names=facs_names, rule=rule, n_null=min(n_null, 20), random_state=random_state
        )
    return found


def ablation_scores(
    variants: Sequence[Variant],
    faces: Faces,
    make: Mapping[str, Callable[[], UnitModel]],
    *,
    rule: Rule | None = None,
    n_null: int = 50,
    random_state: int = 0,
) -> pd.DataFrame:
    """Interpretability of units learned with preprocessing steps left out.

    As in `dfecs_lib.evaluation.ablate`, each variant's motion is scaled to the first one's root mean square, so that
    penalties in pixels mean the same throughout.

    Parameters
    ----------
    variants : sequence of Variant
    faces : Faces
    make : mapping of name -> function without arguments
        Returns a fresh, unfitted model; same number of units throughout, or shares cannot be compared.
    rule, n_null, random_state
        See `score_units`.

    Returns
    -------
    DataFrame
        One row a (variant, method): the columns of `summary_table`.
    """
    tables, reference = [], None
    for variant in variants:
        motion = variant_motion(faces.keypoints, faces.neutral, variant)
        size = float(np.sqrt(np.nanmean(np.square(motion.to_numpy()))))
        reference = size if reference is None else reference
        attrs = dict(motion.attrs)
        motion = motion * (reference / size)
        motion.attrs = attrs
        scored = {
            name: score_units(fresh().fit(motion), rule=rule, n_null=n_null, random_state=random_state)
            for name, fresh in make.items()
        }
        tables.append(summary_table(scored).reset_index(names="method").assign(variant=variant.name))
    whole = pd.concat(tables, ignore_index=True)
    return whole[["variant", *(c for c in whole.columns if c != "variant")]]


def unit_measures(model: UnitModel, rule: Rule | None = None) -> dict[str, float]:
    """Interpretability of a model's units in three figures, without nulls: quick enough for every cell of a grid.

    Parameters
    ----------
    model : fitted model
    rule : Rule, optional
        ``Rule()``, fixed beforehand, by default.

    Returns
    -------
    dict
        ``interpretable``, percent of the units by the rule (`interpretable_share`); ``likeness``, mean over units of
        what the rule looks at (0 to 1); ``parts``, mean effective number of face parts that a unit moves (`locality`).

    Examples
    --------
    >>> from dfecs_lib.baselines import PCAUnits
    >>> motion = np.zeros((3, 136))
    >>> motion[:, 68 + 21] = motion[:, 68 + 22] = [-5.0, -9.0, -2.0]  # inner brows up, never down
    >>> sorted(unit_measures(PCAUnits(1).fit(motion)))
    ['interpretable', 'likeness', 'parts']
    """
    rule, units = rule or Rule(), as_units(model)
    return {
        "interpretable": 100 * interpretable_share(units, rule).share,
        "likeness": float(rule.statistic(units.motion, signed=units.signed, present=units.present).mean()),
        "parts": float(locality(units.motion).mean()),
    }


def truth_table(
    scored: Mapping[str, UnitScores], methods: Mapping[str, UnitModel], motion: pd.DataFrame, action_units: pd.DataFrame
) -> pd.DataFrame:
    """Put each unit's scores beside how well its code follows a true action unit; for data whose truth is known.

    Returns
    -------
    DataFrame
        One row a (model, unit): statistic, compliance, muscle_fit, coherence, locality, interpretable, and `recovery`'s
        au, correlation, second.
    """
    tables = []
    for name, model in methods.items():
        codes = pd.DataFrame(np.asarray(model.transform(motion)), index=motion.index)
        table = scored[name].table[["statistic", "compliance", "muscle_fit", "coherence", "locality", "interpretable"]]
        joined = table.reset_index().join(recovery(codes, action_units).reset_index(drop=True))
        tables.append(joined.assign(model=name))
    whole = pd.concat(tables, ignore_index=True)
    return whole[["model", *(c for c in whole.columns if c != "model")]]


def truth_trend(truth: pd.DataFrame, *, n_bootstraps: int = 1000, random_state: int = 0) -> pd.DataFrame:
    """Rank correlation (Spearman) of each score with the recovery of true action units, over units, with an interval.

    Locality counts parts, so that less is more local: its correlation is expected to be negative.
    """
    rng = np.random.default_rng(random_state)
    seen = truth.dropna(subset=["correlation"])
    rows = []
    for score in ("statistic", "muscle_fit", "coherence", "locality"):
        pair = seen[[score, "correlation"]].dropna().to_numpy(dtype=np.float64)
        value = float(spearmanr(pair[:, 0], pair[:, 1]).statistic)
        draws = np.array(
            [spearmanr(*pair[rng.integers(len(pair), size=len(pair))].T).statistic for _ in range(n_bootstraps)]
        )
        low, high = np.nanquantile(draws, [0.025, 0.975])
        rows.append((score, value, float(low), float(high), len(pair)))
    return pd.DataFrame(rows, columns=["score", "rank_correlation", "low", "high", "n_units"]).set_index("score")
