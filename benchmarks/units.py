"""What refined units gain: variance explained against active units, held out, for every variant and for PCA.

Real recordings are left out one at a time; simulated subjects one third, with the recovery of the true action units
(best-match cosine with the motion regressed on them, best correlation of codes with intensities). Of every variant
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
from dfecs_lib.ffm.units import order_units, refine_units
from dfecs_lib.interpretability import score_units, summary_table
from dfecs_lib.interpretability.scores import compliance, locality
from dfecs_lib.interpretability.units import as_units
from dfecs_lib.metrics import active_units, variance_explained

N_UNITS = 16
#: Name → (alpha, locality) of the refinement.
VARIANTS = {
    "unrefined": None,
    "refined, alpha 0, locality 0": (0.0, 0.0),
    "refined, alpha 0, locality 0.02": (0.0, 0.02),
    "refined, alpha 0.1, locality 0.02 (default)": (0.1, 0.02),
    "refined, alpha 0.3, locality 0": (0.3, 0.0),
    "refined, alpha 0.3, locality 0.05": (0.3, 0.05),
}


def point(model: FullFaceModel | PCAUnits, test: np.ndarray) -> dict[str, float]:
    codes = model.transform(test)
    return {
        "active": active_units(codes, 1e-9),
        "variance_explained": variance_explained(test, model.inverse_transform(codes)),
    }


def recovery(
    model: FullFaceModel | PCAUnits, test: np.ndarray, truth: np.ndarray, true_units: np.ndarray
) -> dict[str, float]:
    codes = model.transform(test)
    a, b = truth - truth.mean(axis=0), codes - codes.mean(axis=0)
    size = np.sqrt(np.outer((a**2).sum(axis=0), (b**2).sum(axis=0)))
    correlation = np.divide(a.T @ b, size, out=np.zeros_like(size), where=size > 0)
    seen = truth.std(axis=0) > 0.05
    units = model.components_ / np.linalg.norm(model.components_, axis=1, keepdims=True)
    return {
        "best_cosine": float((true_units @ units.T).max(axis=1).mean()),
        "best_correlation": float(correlation[seen].max(axis=1).mean()),
    }


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
    if truth:
        result["pca"]["recovery"] = recovery(PCAUnits(N_UNITS).fit(train), test, *truth)
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
            units = refine_units(train, unrefined.components_, columns, alpha=alpha, locality=held)
            model.components_ = order_units(train, units).units
        rows: dict[str, object] = {"direct": point(model, test), "interpretability": interpretability(model)}
        if truth:
            rows["recovery"] = recovery(model, test, *truth)
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
            {k: round(v["direct"]["variance_explained"], 2) for k, v in real[name].items() if k != "pca"},
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
        print(name, {k: v.get("recovery") for k, v in made[name].items()}, flush=True)
    content["simulated, a third of the subjects left out"] = made
    print(write("units", content))
    rows = []
    for group in (real, made):
        for name, result in group.items():
            for variant in VARIANTS:
                rows.append(
                    {
                        "data": name,
                        "variant": variant,
                        "direct − PCA-16": result[variant]["direct"]["variance_explained"]
                        - result["pca"][16]["variance_explained"],
                        "8 on average − PCA-8": result[variant]["8 on average, elimination"]["variance_explained"]
                        - result["pca"][8]["variance_explained"],
                    }
                )
    print(pd.DataFrame(rows).round(2).to_string())


if __name__ == "__main__":
    main()
