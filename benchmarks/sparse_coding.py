"""One part's dictionary and the encoding of frames, beside SPAMS, scikit-learn, celer and skglm.

Same data, same objective ½‖X − UV‖² + α‖U‖₁ (U ≥ 0, ‖V_k‖ ≤ 1), one thread each, interleaved, processor time. An
objective is that of exact codes on the atoms that a library returned. scikit-learn's fit is stopped after
--rounds rounds where a full one would take minutes: its time is then a lower bound, and marked.

spams-bin is licensed under the GPL: it is compared with here, and nothing of it is in the library.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
import pandas as pd
import spams
from _motion import arguments, cpu_seconds, recordings, simulated
from _results import write
from celer import Lasso as CelerLasso
from skglm import WeightedLasso as SkglmLasso
from sklearn.decomposition import DictionaryLearning, MiniBatchDictionaryLearning, SparseCoder

from dfecs_lib.coding.sparse_coding import code, code_selected
from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.ffm.dictionary import best_start, learn_dictionary
from dfecs_lib.keypoints import scheme_of

CLOCK = time.process_time
CELLS = ((4, 5.0), (8, 1.0))


def cell(X: np.ndarray, n_atoms: int, alpha: float, rounds: int) -> dict[str, object]:
    """Time and objective of every library on one cell of the part search."""

    def objective(atoms: np.ndarray) -> float:
        return code(X, np.ascontiguousarray(atoms), alpha).objective(alpha)

    rows: dict[str, dict[str, float]] = {}
    for tol in (1e-4, 1e-5):
        seconds, found = cpu_seconds(
            lambda tol=tol: learn_dictionary(X, alpha, best_start(X, alpha, n_atoms, tol=tol), tol=tol), CLOCK
        )
        rows[f"dfecs_lib tol={tol:g}"] = {"seconds": seconds, "objective": found.objective}
    columns = np.asfortranarray(X.T)
    for iterations in (50, 200, 1000):
        seconds, D = cpu_seconds(
            lambda iterations=iterations: spams.trainDL(
                columns,
                K=n_atoms,
                lambda1=alpha,
                posAlpha=True,
                iter=iterations,
                batchsize=512,
                numThreads=1,
                mode=2,
                verbose=False,
            ),
            CLOCK,
        )
        rows[f"spams {iterations} iterations"] = {"seconds": seconds, "objective": objective(D.T)}
    options = {"alpha": alpha, "transform_alpha": alpha, "positive_code": True, "random_state": 42}
    slow = DictionaryLearning(
        n_atoms,
        fit_algorithm="cd",
        transform_algorithm="lasso_cd",
        max_iter=rounds,
        transform_max_iter=2000,
        **options,
    )
    seconds, _ = cpu_seconds(lambda: slow.fit(X), CLOCK)
    rows["scikit-learn"] = {
        "seconds": seconds,
        "objective": objective(slow.components_),
        "rounds": slow.n_iter_,
        "stopped": bool(slow.n_iter_ >= rounds),
    }
    mini = MiniBatchDictionaryLearning(
        n_atoms, fit_algorithm="cd", transform_algorithm="lasso_cd", batch_size=512, max_iter=1, **options
    )
    seconds, _ = cpu_seconds(lambda: mini.fit(X), CLOCK)
    rows["scikit-learn mini-batch, 1 epoch"] = {"seconds": seconds, "objective": objective(mini.components_)}
    best = min(row["objective"] for row in rows.values())
    for row in rows.values():
        row["above_best_percent"] = 100 * (row["objective"] / best - 1)
    return {"n_atoms": n_atoms, "alpha": alpha, "libraries": rows}


def encoding(X: np.ndarray, units: np.ndarray, alpha: float) -> dict[str, float]:
    """Frames a second of every encoder, on units × columns."""
    units = np.ascontiguousarray(units)
    many = np.ascontiguousarray(np.tile(X, (max(1, 100_000 // len(X)), 1)))
    some = X[:400]
    columns, atoms = np.asfortranarray(many.T), np.asfortranarray(units.T)
    single, single_units = many.astype(np.float32), units.astype(np.float32)
    coder = SparseCoder(units, transform_algorithm="lasso_cd", transform_alpha=alpha, positive_code=True)

    def one_by_one(model: object) -> None:
        for x in some:
            model.fit(units.T, x)

    d = units.shape[1]
    runs = {
        "dfecs_lib lasso": (lambda: code(many, units, alpha), len(many), 3),
        "spams lasso": (
            lambda: spams.lasso(columns, D=atoms, lambda1=alpha, pos=True, mode=2, numThreads=1),
            len(many),
            3,
        ),
        "dfecs_lib lasso, float32": (lambda: code(single, single_units, alpha), len(many), 3),
        "dfecs_lib non-negative least squares": (lambda: code(many, units, 0.0), len(many), 3),
        "dfecs_lib 8 active by elimination": (lambda: code_selected(many, units, max_active=8), len(many), 3),
        "dfecs_lib 8 active by lasso": (
            lambda: code_selected(many, units, max_active=8, selection="lasso"),
            len(many),
            3,
        ),
        "matrix product alone": (lambda: many @ units.T, len(many), 3),
        "scikit-learn SparseCoder": (lambda: coder.transform(some), len(some), 1),
        "celer Lasso, frame by frame": (
            lambda: one_by_one(CelerLasso(alpha=alpha / d, positive=True, fit_intercept=False)),
            len(some),
            1,
        ),
        "skglm WeightedLasso, frame by frame": (
            lambda: one_by_one(SkglmLasso(alpha=alpha / d, positive=True, fit_intercept=False)),
            len(some),
            1,
        ),
    }
    speed = {}
    for name, (run, frames, repeats) in runs.items():
        if name.startswith(("dfecs_lib", "skglm", "celer")):
            cpu_seconds(run, CLOCK)  # compiling does not count
        speed[name] = frames / cpu_seconds(run, CLOCK, repeats)[0]
    return speed


def study(motion: pd.DataFrame, rounds: int) -> dict[str, object]:
    scheme, values = scheme_of(motion), motion.to_numpy()
    cells = []
    for part, where in scheme.parts.items():
        X = np.ascontiguousarray(values[:, np.r_[where, where + scheme.n_points]])
        cells += [{"part": part, **cell(X, n_atoms, alpha, rounds)} for n_atoms, alpha in CELLS]
        print(part, flush=True)
    ratios = {"scikit-learn": [], "spams": [], "above_better_percent": []}
    for one in cells:
        rows = one["libraries"]
        mine = rows["dfecs_lib tol=1e-05"]
        # SPAMS at its first setting that comes within 0.1 % of ours, else at its longest
        close = [r for n, r in rows.items() if n.startswith("spams") and r["objective"] <= 1.001 * mine["objective"]]
        rival = close[0] if close else rows["spams 1000 iterations"]
        ratios["spams"].append(rival["seconds"] / mine["seconds"])
        ratios["scikit-learn"].append(rows["scikit-learn"]["seconds"] / mine["seconds"])
        better = min(r["objective"] for n, r in rows.items() if n.startswith(("spams", "scikit")))
        ratios["above_better_percent"].append(100 * (mine["objective"] / better - 1))
    model = FullFaceModel(n_units=16, part_variance=0.95, encoder="direct").fit(motion)
    speed = encoding(values, model.components_, 5.0)
    return {
        "frames": len(values),
        "columns": values.shape[1],
        "cells": cells,
        "median_times_slower_than_ours": {k: float(np.median(v)) for k, v in ratios.items() if k[0] == "s"},
        "objective_above_the_better_of_the_others_percent": ratios["above_better_percent"],
        "frames_a_second": speed,
    }


if __name__ == "__main__":
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, help="scikit-learn's fit is stopped after these")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    tiny = np.random.default_rng(0).normal(size=(600, 10))
    learn_dictionary(tiny, 1.0, tiny[:2])  # compiling does not count
    data = {"simulated, sim-disfa": simulated()[0]}
    if chosen.motion:
        data["real recordings"] = pd.concat(recordings(chosen.motion).values())
    results = {name: study(motion, chosen.rounds) for name, motion in data.items()}
    print(write("sparse_coding", {"clock": "processor time, one thread", "alpha_encoding": 5.0, "data": results}))
    for name, result in results.items():
        print(name, result["median_times_slower_than_ours"])
        print({k: f"{v:,.0f}" for k, v in result["frames_a_second"].items()})
        print(np.round(result["objective_above_the_better_of_the_others_percent"], 3))
