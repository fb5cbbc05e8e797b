"""Units beside action units as another program estimates them, people left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.frames import UnitModel, in_scheme_of

__all__ = ["agreement"]

Floats = NDArray[np.float64]
ONE, ALL = "the one unit that follows it best", "a linear readout of all units"


def agreement(
    folds: Sequence[tuple[UnitModel, pd.MultiIndex]], K: pd.DataFrame, estimates: pd.DataFrame, *, least: float = 1.0
) -> pd.DataFrame:
    """How well do units, or a linear readout of them, follow each estimated action unit in people left out?

    Which unit is taken, and the readout, are settled on the people who taught the units.

    Parameters
    ----------
    folds : sequence of (model, index)
        From `dfecs_lib.evaluation.people.models_by_fold`.
    K : KPM table
    estimates : DataFrame
        Intensities, columns ``AU01 …``, indexed like `K`; NaN = not known.
    least : float
        Intensity from which an action unit counts as there, for the AUC.

    Returns
    -------
    DataFrame
        Tidy: ``way, action unit, correlation, auc``, over the frames of all people left out. NaN where an action unit
        does not vary.

    Raises
    ------
    DfecsError
        If no frame has estimates.
    """
    known = estimates.reindex(K.index)
    known = known.loc[:, known.notna().any()]
    if known.empty:
        raise DfecsError("no frame has an estimate of an action unit")
    guesses = {way: pd.DataFrame(np.nan, index=K.index, columns=known.columns) for way in (ONE, ALL)}
    for model, unseen in folds:
        codes = np.asarray(model.transform(in_scheme_of(model, K)), dtype=np.float64)
        out = K.index.isin(unseen)
        for unit in known:
            truth = known[unit].to_numpy(dtype=np.float64)
            usable = np.isfinite(truth) & np.isfinite(codes).all(axis=1)
            taught, tested = usable & ~out, usable & out
            if not tested.any() or len(np.unique(truth[taught])) < 2:
                continue
            follows = _correlations(codes[taught], truth[taught])
            best = int(np.argmax(np.abs(follows)))
            guesses[ONE].loc[tested, unit] = np.sign(follows[best]) * codes[tested, best]
            scale = codes[taught].std(axis=0)
            scaled = codes / np.where(scale > 0, scale, 1.0)
            guesses[ALL].loc[tested, unit] = Ridge(alpha=1.0).fit(scaled[taught], truth[taught]).predict(scaled[tested])
    rows = [
        {"way": way, "action unit": unit, **_scores(guess[unit], known[unit], least)}
        for way, guess in guesses.items()
        for unit in known
    ]
    return pd.DataFrame(rows)


def _correlations(codes: Floats, truth: Floats) -> Floats:
    centred, other = codes - codes.mean(axis=0), truth - truth.mean()
    sizes = np.linalg.norm(centred, axis=0) * np.linalg.norm(other)
    return np.asarray(np.divide(centred.T @ other, sizes, out=np.zeros(codes.shape[1]), where=sizes > 0))


def _scores(guess: pd.Series, truth: pd.Series, least: float) -> dict[str, float]:
    both = pd.DataFrame({"guess": guess, "truth": truth}).dropna()
    there = both["truth"] >= least
    correlation = both["guess"].corr(both["truth"]) if len(both) > 1 and both.nunique().min() > 1 else np.nan
    auc = roc_auc_score(there, both["guess"]) if there.any() and not there.all() else np.nan
    return {"correlation": float(correlation), "auc": float(auc)}
