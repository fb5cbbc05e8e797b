"""From raters' answers to the interpretable share, agreement, test–retest, and who was left out."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np
import pandas as pd

from dfecs_lib.errors import DfecsError
from dfecs_lib.interpretability.rule import Share, wilson
from dfecs_lib.rating.agreement import agreement_table
from dfecs_lib.rating.answers import read_answers
from dfecs_lib.rating.outcome import RaterRule, RatingReport

__all__ = ["RaterRule", "RatingReport", "analyse"]


def _passed(row: pd.Series) -> bool:
    marked, moving = set(row["against"]), max(1, len(row["moving"]))
    if row["expect"] == "against":
        return len(marked & set(row["wrong"])) >= len(row["wrong"]) / 3 and bool(row["rating"] <= 3)
    return len(marked) <= moving / 5 and bool(row["rating"] >= 3)


def _jaccard(a: tuple[int, ...], b: tuple[int, ...]) -> float:
    return len(set(a) & set(b)) / len(set(a) | set(b)) if set(a) | set(b) else 1.0


def _rater_rows(answers: pd.DataFrame, rule: RaterRule) -> pd.DataFrame:
    rows = []
    for rater, own in answers.groupby("rater", sort=True):
        catch = own[own["kind"] == "catch"]
        passed = int(sum(_passed(row) for _, row in catch.iterrows()))
        first = own[own["kind"] == "unit"].set_index("trial")
        again = own[(own["kind"] == "repeat") & own["of"].isin(first.index)]
        before = first.loc[list(again["of"])]
        same = [
            (len(a) <= rule.tolerance) == (len(b) <= rule.tolerance)
            for a, b in zip(before["against"], again["against"], strict=True)
        ]
        apart = np.abs(before["rating"].to_numpy() - again["rating"].to_numpy())
        overlap = [_jaccard(a, b) for a, b in zip(before["against"], again["against"], strict=True)]
        rows.append(
            {
                "rater": rater,
                "answers": len(own),
                "catch_trials": len(catch),
                "catch_passed": passed,
                "kept": not len(catch) or passed >= rule.catch_share * len(catch) - 1e-9,
                "retests": len(again),
                "retest_same_verdict": float(np.mean(same)) if same else np.nan,
                "retest_rating_apart": float(apart.mean()) if len(apart) else np.nan,
                "retest_keypoints_jaccard": float(np.mean(overlap)) if overlap else np.nan,
                "median_seconds": float(own["seconds"].median()),
                "simulated": bool(own["simulated"].any()),
            }
        )
    return pd.DataFrame(rows).set_index("rater")


def _verdicts(complies: pd.DataFrame, unit_of: pd.Series, majority: float) -> pd.Series:
    """Whether each unit is interpretable: more than the majority finds each of its motions compliant."""
    share = complies.mean(axis=1, skipna=True)
    return (share > majority).groupby(unit_of, sort=False).all()


def _over_raters(complies: pd.DataFrame, unit_of: pd.Series, majority: float, n: int, seed: int) -> tuple[float, float]:
    if complies.shape[1] < 2:
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    values = complies.to_numpy()
    codes, _ = pd.factorize(unit_of.loc[complies.index])
    shares: list[float] = []
    for _ in range(n):
        drawn = values[:, rng.integers(values.shape[1], size=values.shape[1])]
        seen = np.isfinite(drawn).sum(axis=1)
        mean = np.divide(np.nansum(drawn, axis=1), seen, out=np.zeros(len(drawn)), where=seen > 0)
        failed = np.bincount(codes, weights=(mean <= majority).astype(np.float64))
        shares.append(float((failed == 0).mean()))
    low, high = np.quantile(shares, [0.025, 0.975])
    return float(low), float(high)


def analyse(
    files: Iterable[str | os.PathLike[str]] | str | os.PathLike[str],
    *,
    rule: RaterRule | None = None,
    n_bootstraps: int = 500,
    random_state: int = 0,
) -> RatingReport:
    """Analyse the exports of one study.

    Parameters
    ----------
    files : path or paths
        CSV or JSON exports of the study page.
    rule : RaterRule, optional
    n_bootstraps : int
    random_state : int

    Raises
    ------
    DfecsError
        If files cannot be read or pooled, or if no rater is left.
    """
    rule = rule or RaterRule()
    answers = read_answers(files)
    raters = _rater_rows(answers, rule)
    notes = []
    if answers.attrs["replaced"]:
        notes.append(f"{answers.attrs['replaced']} answers were replaced by those of a later file of the same rater.")
    left_out = raters.index[~raters["kept"]]
    if len(left_out):
        notes.append(
            f"{len(left_out)} of {len(raters)} raters passed fewer than {rule.catch_share:.0%} of the catch trials "
            f"and were left out: {', '.join(left_out)}."
        )
    kept = answers[answers["rater"].isin(raters.index[raters["kept"]]) & (answers["kind"] == "unit")]
    if not len(kept):
        raise DfecsError("no rater who answered a unit passed the catch trials; there is nothing to analyse")
    if not raters["catch_trials"].any():
        notes.append("The study had no catch trials; nobody could be left out.")
    kept = kept.assign(complies=[float(len(a) <= rule.tolerance) for a in kept["against"]])
    order = list(kept.sort_values("trial")["trial"].unique())
    complies = kept.pivot_table(index="trial", columns="rater", values="complies").loc[order]
    ratings = kept.pivot_table(index="trial", columns="rater", values="rating").loc[order]
    unit_of = kept.drop_duplicates("trial").set_index("trial")["unit"]
    verdict = _verdicts(complies, unit_of.loc[order], rule.majority)
    count, n = int(verdict.sum()), len(verdict)
    if complies.isna().any(axis=None):
        notes.append("Not every rater kept answered every movement; Fleiss' kappa uses those that all answered.")

    points = pd.DataFrame(
        [
            (trial, k, float(np.mean([k in a for a in own["against"]])))
            for trial, own in kept.groupby("trial", sort=False)
            for k in sorted({k for a in own["against"] for k in a})
        ],
        columns=["trial", "keypoint", "share"],
    )
    rows = []
    for unit, trials in unit_of.loc[order].groupby(unit_of.loc[order], sort=False):
        own = kept[kept["trial"].isin(trials.index)]
        often = points[points["trial"].isin(trials.index) & (points["share"] >= 1 / 3)]
        means = own.groupby("rater")["rating"].mean().to_numpy()
        rows.append(
            {
                "unit": unit,
                "raters": len(means),
                "complies": float(complies.loc[trials.index].mean(axis=1).min()),
                "interpretable": bool(verdict[unit]),
                "rating": float(own["rating"].mean()),
                "rating_sd": float(means.std(ddof=1)) if len(means) > 1 else np.nan,
                "keypoints": " ".join(str(k) for k in sorted(set(often["keypoint"]))),
            }
        )
    low, high = wilson(count, n)
    return RatingReport(
        study=str(answers["study"].iloc[0]),
        simulated=bool(answers["simulated"].any()),
        share=Share(count, n, count / n, low, high),
        share_over_raters=_over_raters(complies, unit_of, rule.majority, n_bootstraps, random_state),
        units=pd.DataFrame(rows).set_index("unit"),
        raters=raters,
        agreement=agreement_table(
            complies.to_numpy(), ratings.to_numpy(), n_bootstraps=n_bootstraps, random_state=random_state
        ),
        points=points,
        rule=rule,
        notes=tuple(notes),
    )
