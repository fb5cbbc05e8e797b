"""What refined units gain: variance explained against active units, held out, for every variant and for PCA.

Real recordings are left out one at a time; simulated subjects one third, with the recovery of the true action units
(best-match cosine with the motion regressed on them, best correlation of codes with intensities; direct codes, and
sparse ones with eight units at work on average). Of every variant
also: face parts a unit, compliance with the muscles' pulls, and share of interpretable units.
"""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pandas as pd
from _motion import arguments, recordings, simulated
from _results import write

from dfecs_lib import keypoints
from dfecs_lib.baselines import FACSUnits, PCAUnits
from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.interpretability import score_units, summary_table
from dfecs_lib.interpretability.scores import compliance, locality
from dfecs_lib.interpretability.units import as_units
from dfecs_lib.metrics import active_units, variance_explained
from dfecs_lib.models.units import order_units, refine_units

N_UNITS = 16
DIRECT, SPARSE = "for direct codes (default)", "for sparse codes (default)"
#: Name → (alpha, locality) of the refinement.
VARIANTS = {
    "unrefined": None,
    DIRECT: (0.001, 0.0075),
    SPARSE: (1.0, 0.0075),
    "alpha 0, locality 0": (0.0, 0.0),
    "alpha 0, locality 0.0075": (0.0, 0.0075),
    "alpha 0.001, locality 0": (0.001, 0.0),
    "alpha 0.1, locality 0.0075": (0.1, 0.0075),
    "sparse, alpha 0.1, locality 0.0075": (0.1, 0.0075),
    "sparse, alpha 1, locality 0": (1.0, 0.0),
    "sparse, alpha 1, locality 0.02": (1.0, 0.02),
    "sparse, alpha 3, locality 0.0075": (3.0, 0.0075),
}


def point(model: FullFaceModel | PCAUnits, test: np.ndarray) -> dict[str, float]:
    codes = model.transform(test)
    return {
        "active": active_units(codes, 1e-9),
        "variance_explained": variance_explained(test, model.inverse_transform(codes)),
    }


def best_correlation(codes: np.ndarray, truth: np.ndarray) -> float:
    a, b = truth - truth.mean(axis=0), codes - codes.mean(axis=0)
    size = np.sqrt(np.outer((a**2).sum(axis=0), (b**2).sum(axis=0)))
    correlation = np.divide(a.T @ b, size, out=np.zeros_like(size), where=size > 0)
    return float(correlation[truth.std(axis=0) > 0.05].max(axis=1).mean())


def best_cosine(units: np.ndarray, true_units: np.ndarray) -> float:
    units = units / np.linalg.norm(units, axis=1, keepdims=True)
    return float((true_units @ units.T).max(axis=1).mean())


def plane(train: np.ndarray, test: np.ndarray, dimensions: int) -> float:
    """What the best linear subspace explains: n non-negative units cover n − 1 dimensions on both sides, no more."""
    directions = np.linalg.svd(train, full_matrices=False)[2][:dimensions]
    return variance_explained(test, test @ directions.T @ directions)


def interpretability(model: FullFaceModel) -> dict[str, float]:
    units = as_units(model.components_, scheme=model.scheme_, signed=False)
    scores = summary_table({"model": score_units(units, n_null=20)}).iloc[0]
    return {
        "parts": float(np.nanmean(locality(units.motion))),
        "compliance": float(np.nanmean(compliance(units.motion))),
        "interpretable_share": float(scores["share"]),
    }


def front(train: np.ndarray, test: np.ndarray, truth: tuple[np.ndarray, np.ndarray] | None = None) -> dict[str, object]:
    result: dict[str, object] = {"pca": {n: point(PCAUnits(n).fit(train), test) for n in (2, 4, 6, 8, 12, 16)}}
    result["best linear subspace, one dimension less than units"] = plane(train, test, N_UNITS - 1)
    if truth:
        pca = PCAUnits(N_UNITS).fit(train)
        result["pca"]["recovery"] = {
            "best_cosine": best_cosine(pca.components_, truth[1]),
            "best_correlation": best_correlation(pca.transform(test), truth[0]),
        }
    names = keypoints.DISFA66 if train.shape[1] == 132 else keypoints.IBUG68
    table = keypoints.make_table(
        train, scheme=names.name, frames=range(len(train)), dataset="train", subject="all", recording="all"
    )
    unrefined = FullFaceModel(N_UNITS, encoder="direct", refine=False, n_jobs=1).fit(table)
    for name, settings in VARIANTS.items():
        model = copy.deepcopy(unrefined)
        if settings is not None:
            alpha, held = settings
            columns = unrefined.part_columns_
            units = refine_units(
                train, unrefined.components_, columns, alpha=alpha, locality=held, sparse="sparse" in name
            )
            model.components_ = order_units(train, units).units
        rows: dict[str, object] = {
            "direct": point(model, test),
            "interpretability": interpretability(model),
            "largest_code, direct": float(model.transform(test).max()),
        }
        if truth:
            rows["recovery"] = {
                "best_cosine": best_cosine(model.components_, truth[1]),
                "best_correlation, direct": best_correlation(model.transform(test), truth[0]),
            }
        if settings is None:
            rows["hierarchical"] = point(model.set_params(encoder="hierarchical"), test)
        model.set_params(encoder="sparse")
        for selection in ("elimination", "lasso"):
            for most in (2, 4, 6, 8, 12):
                model.set_params(selection=selection, max_active=most, encoder_alpha=None)
                rows[f"at most {most}, {selection}"] = point(model, test)
        model.set_params(selection="elimination", max_active=None)
        for mean in (2, 4, 6, 8):
            rows[f"{mean} on average, elimination"] = point(model.calibrate(test, mean), test)
            if truth and mean == 8:
                rows["recovery"]["best_correlation, 8 on average"] = best_correlation(model.transform(test), truth[0])
        result[name] = rows
    return result


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    content: dict[str, object] = {"n_units": N_UNITS, "calibration": "on the held-out recording itself, no labels"}
    tables = recordings(chosen.motion)
    real = {}
    for name, table in tables.items():
        train = np.concatenate([other.to_numpy() for key, other in tables.items() if key != name])
        real[name] = front(train, table.to_numpy())
        print(
            name,
            {variant: round(real[name][variant]["direct"]["variance_explained"], 2) for variant in VARIANTS},
            flush=True,
        )
    content["real recordings, one left out"] = real
    made = {}
    for name in ("sim-ckplus", "sim-disfa"):
        motion, labels = simulated(name, None)
        subject = motion.index.get_level_values("subject")
        held = np.isin(subject, sorted(set(subject))[::3])
        step = max(1, int((~held).sum()) // 2000)
        train, test = motion[~held].to_numpy()[::step], motion[held].to_numpy()[::2]
        true = FACSUnits().fit(motion[~held], action_units=labels[~held]).components_
        made[name] = front(
            np.ascontiguousarray(train), np.ascontiguousarray(test), (labels[held].to_numpy()[::2], true)
        )
        print(name, {variant: made[name][variant]["recovery"] for variant in VARIANTS}, flush=True)
    content["simulated, a third of the subjects left out"] = made
    print(write("units", content))
    rows = []
    for name, result in {**real, **made}.items():
        for variant in VARIANTS:
            scores = result[variant]
            rows.append(
                {
                    "data": name,
                    "variant": variant,
                    "direct − PCA-16": scores["direct"]["variance_explained"] - result["pca"][16]["variance_explained"],
                    "8 on average − PCA-8": scores["8 on average, elimination"]["variance_explained"]
                    - result["pca"][8]["variance_explained"],
                    **scores["interpretability"],
                    **scores.get("recovery", {}),
                }
            )
    print(pd.DataFrame(rows).round(2).to_string())


if __name__ == "__main__":
    main()
