"""DFECS (additive) against its targets, on people left out: the paper's recipe and PCA beside it.

Real motion: Parquet tables named by --motion, whose index names the subjects; two of them are left out at a time.
Simulated people: a third is left out. Of every left-out set: variance explained at a mean of 4, 6 and 8 active units
against PCA with as many components, cancellation, opposites at work together; beside it what signed dictionary
learning reaches (scikit-learn's), about the most that sums of few units can. Simulated also: recovery of the true
action units, and a linear readout of their intensities. Stability: units of the other half of the people. Times are
ratios to others in the same run.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
import pandas as pd
from _motion import arguments, cpu_seconds, recordings, simulated
from _results import write
from scipy.optimize import linear_sum_assignment
from sklearn.linear_model import RidgeCV

from dfecs_lib.baselines import FACSUnits, PCAUnits, PeerUnits
from dfecs_lib.coding.sparse_coding import opposites
from dfecs_lib.evaluation.few import FewUnits
from dfecs_lib.evaluation.recovery import au_recovery, cosines
from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.metrics import active_units, cancellation, variance_explained

N_UNITS, ACTIVE = 16, (4, 6, 8)
TARGETS = {
    "points above PCA at 4, 6, 8 active": [7, 5, 3],
    "cancellation at 6 active": 1.5,
    "opposites at work together, % of frames": 5,
    "share of units found again, cosine ≥ 0.9": 0.75,
    "seconds to fit 10,000 real frames": 15,
    "frames encoded a second": 200_000,
}


def together(codes: np.ndarray, units: np.ndarray) -> float:
    """Percent of frames in which the pair of opposites that most often works together does."""
    on = (codes > 0).astype(float)
    pairs = (on.T @ on / len(on))[opposites(units)]
    return float(100 * pairs.max(initial=0.0))


def front(model: FullFaceModel, train: pd.DataFrame, test: pd.DataFrame) -> dict[str, object]:
    """Scores at several means of active units, then of the model as it comes."""
    rows: dict[str, object] = {}
    as_it_comes = model.encoder_alpha_
    for active in ACTIVE:
        codes = model.calibrate(test, active).transform(test).to_numpy()
        rows[str(active)] = {
            "active": active_units(codes),
            "active, a twentieth of the motion": active_units(codes, units=model.components_),
            "above_pca": 100 * (model.score(test) - PCAUnits(active).fit(train).score(test)),
            "variance_explained": 100 * model.score(test),
            "cancellation": cancellation(codes, model.components_),
            "opposites_together": together(codes, model.components_),
        }
    model.encoder_alpha_ = as_it_comes
    rows["default"] = plain(model, test)
    return rows


def plain(model: FullFaceModel, test: pd.DataFrame) -> dict[str, float]:
    codes = model.transform(test).to_numpy()
    return {
        "active": active_units(codes),
        "variance_explained": 100 * model.score(test),
        "cancellation": cancellation(codes, model.components_),
        "opposites_together": together(codes, model.components_),
    }


def found_again(a: np.ndarray, b: np.ndarray) -> float:
    similar = cosines(a, b)
    rows, columns = linear_sum_assignment(-similar)
    return float((similar[rows, columns] >= 0.9).mean())


def readout(model: FullFaceModel, sets: tuple[pd.DataFrame, ...], labels: pd.DataFrame) -> float:
    """Mean correlation of a ridge readout, learned on the people learned from, with intensities of those left out."""
    train, test = (model.transform(one).to_numpy() for one in sets)
    learned, true = (labels.loc[one.index].to_numpy() for one in sets)
    guess = RidgeCV(np.logspace(-2, 4, 13)).fit(train / train.std(), learned).predict(test / train.std())
    return float(np.mean([np.corrcoef(g, t)[0, 1] for g, t in zip(guess.T, true.T, strict=True) if t.std() > 0.05]))


def half(motion: pd.DataFrame, which: int, frames: int) -> pd.DataFrame:
    subjects = motion.index.get_level_values("subject")
    rows = motion[np.isin(subjects, sorted(set(subjects))[which::2])]
    return sample(rows, frames)


def sample(motion: pd.DataFrame, frames: int) -> pd.DataFrame:
    rows = motion.iloc[:: max(1, len(motion) // frames)]
    rows.attrs = motion.attrs
    return rows


def study(train: pd.DataFrame, test: pd.DataFrame, labels: pd.DataFrame | None, frames: int) -> dict[str, object]:
    learn, result = sample(train, frames), {}
    for name, model in (("DFECS", FullFaceModel(N_UNITS)), ("DFECS (paper)", FullFaceModel.paper(N_UNITS))):
        seconds, _ = cpu_seconds(lambda model=model: model.fit(learn), time.process_time)
        rows = front(model, train, test) if name == "DFECS" else {"default": plain(model, test)}
        rows["fit_seconds"] = seconds
        if labels is not None:
            true = FACSUnits().fit(train, action_units=labels.loc[train.index])
            truth = pd.DataFrame(true.components_, index=true.get_feature_names_out())
            recovered = au_recovery(model.components_, truth, model.transform(test), labels.loc[test.index])
            rows["recovery"] = {key: float(recovered[key].mean()) for key in ("cosine", "correlation")}
            rows["readout"] = readout(model, (learn, test), labels)
        result[name] = rows
    signed = PeerUnits("dictionary", N_UNITS, alpha=0.5).fit(learn)
    result["sums of either sign"] = {
        str(active): {
            "active": active_units(codes := FewUnits(signed, test, active, "signed").transform(test).to_numpy()),
            "above_pca": variance_explained(test, codes @ signed.components_)
            - 100 * PCAUnits(active).fit(train).score(test),
            "cancellation": cancellation(codes, signed.components_),
        }
        for active in ACTIVE
    }
    return result


def speeds(motion: pd.DataFrame) -> dict[str, float]:
    learn = sample(motion, 10_000)
    seconds, model = cpu_seconds(lambda: FullFaceModel(N_UNITS).fit(learn), time.process_time)
    many = np.tile(learn.to_numpy(), (5, 1))
    coding, _ = cpu_seconds(lambda: model.transform(many), time.process_time, 3)
    product, _ = cpu_seconds(lambda: many @ model.components_.T, time.process_time, 3)
    return {
        "frames_fitted": len(learn),
        "fit_seconds": seconds,
        "frames_encoded_a_second": len(many) / coding,
        "encoding, times the matrix product alone": coding / product,
    }


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=3000, help="frames learned from in each fold")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    content: dict[str, object] = {"n_units": N_UNITS, "targets": TARGETS, "frames_learned_from": chosen.frames}
    for name, motion in recordings(chosen.motion).items():
        FullFaceModel(4).fit(motion.iloc[:300])  # compiling does not count
        subjects = sorted(set(motion.index.get_level_values("subject")))
        folds = []
        for first in range(0, len(subjects) - 1, 2):
            held = np.isin(motion.index.get_level_values("subject"), subjects[first : first + 2])
            train, test = motion[~held], motion[held]
            train.attrs = test.attrs = motion.attrs
            folds.append(study(train, sample(test, 5000), None, chosen.frames))
            print(name, subjects[first : first + 2], folds[-1]["DFECS"], flush=True)
        halves = [half(motion, which, chosen.frames) for which in (0, 1)]
        kinds = {"DFECS": FullFaceModel, "DFECS (paper)": FullFaceModel.paper}
        again = {
            kind: found_again(*(make(N_UNITS).fit(one).components_ for one in halves)) for kind, make in kinds.items()
        }
        content[f"{name}: two people left out"] = {"folds": folds, "found_again": again, "speed": speeds(motion)}
    for name in ("sim-ckplus", "sim-disfa"):
        motion, labels = simulated(name, None)
        subjects = motion.index.get_level_values("subject")
        held = np.isin(subjects, sorted(set(subjects))[::3])
        train, test = motion[~held], motion[held]
        train.attrs = test.attrs = motion.attrs
        content[f"{name}: a third of the people left out"] = study(train, sample(test, 4000), labels, chosen.frames)
        halves = [half(motion, which, chosen.frames) for which in (0, 1)]
        content[f"{name}: found again"] = found_again(*(FullFaceModel(N_UNITS).fit(one).components_ for one in halves))
        print(name, content[f"{name}: a third of the people left out"], content[f"{name}: found again"], flush=True)
    print(write("units", content))


if __name__ == "__main__":
    main()
