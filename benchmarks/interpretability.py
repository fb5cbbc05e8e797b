"""Interpretable share of units by the rule fixed beforehand, with bootstrap intervals over people; and the rule itself.

``python benchmarks/interpretability.py [--real NAME=SOURCE[,SOURCE…] …] [--draws 10]``: simulated sets and, where
named, real ones. A SOURCE is anything that `dfecs_lib.load` takes; ``clip.mp4@60-224`` leaves those frames out (a hand
before the face). Fewer than five people give no interval. ``--sets NAME …`` does these sets alone and keeps the others
of the last file.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from _motion import simulated
from _results import FOLDER, write

from dfecs_lib import load, prepare
from dfecs_lib.baselines import PCAUnits, PeerUnits
from dfecs_lib.evaluation import sample_frames
from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.interpretability import Rule, calibrate, interpretable_share, lowest_share, random_units, score_units
from dfecs_lib.models.naming import unit_names
from dfecs_lib.simulate import ACTION_UNITS

N_UNITS = 16
METHODS: Mapping[str, Callable[[], object]] = {
    "DFECS": lambda: FullFaceModel(N_UNITS),
    "DFECS (paper)": lambda: FullFaceModel.paper(N_UNITS),
    "semi-NMF": lambda: PeerUnits("semi_nmf", N_UNITS),
    "sparse PCA": lambda: PeerUnits("sparse_pca", N_UNITS),
    "ICA": lambda: PeerUnits("ica", N_UNITS),
    "PCA": lambda: PCAUnits(N_UNITS),
}


def real(sources: str) -> pd.DataFrame:
    """Motion of sources, each without the frames named after its ``@``."""
    tables = []
    for entry in sources.split(","):
        path, _, without = entry.partition("@")
        motion = prepare(load(path)).dropna()
        if without:
            first, last = map(int, without.split("-"))
            frame = motion.index.get_level_values("frame")
            motion = motion[(frame < first) | (frame > last)]
        tables.append(motion)
    whole = pd.concat(tables).sort_index()
    whole.attrs = dict(tables[0].attrs)
    return whole


def resampled(motion: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    people = motion.index.get_level_values("subject")
    drawn = rng.choice(people.unique(), people.nunique())
    table = pd.concat([motion[people == p].assign(d=i).set_index("d", append=True) for i, p in enumerate(drawn)])
    table = table.reset_index("subject", drop=True).rename_axis(["dataset", "recording", "frame", "subject"])
    table = table.rename(index=str, level="subject").reorder_levels(motion.index.names).sort_index()
    table.attrs = dict(motion.attrs)
    return table


def study(motion: pd.DataFrame, n_draws: int, n_frames: int) -> dict[str, object]:
    learn = sample_frames(motion, n_frames, 0)
    people = motion.index.get_level_values("subject").nunique()
    n_draws = n_draws if people >= 5 else 0
    result: dict[str, object] = {"people": people, "frames": len(learn), "draws": n_draws}
    rng = np.random.default_rng(0)
    samples = [sample_frames(resampled(motion, rng), n_frames, i) for i in range(n_draws)]
    for name, fresh in METHODS.items():
        model = fresh().fit(learn)
        share, best = (interpretable_share(model, Rule(signs=signs)) for signs in ("all", "best"))
        table = score_units(model, n_null=20).table
        draws = [interpretable_share(fresh().fit(sample)).share for sample in samples]
        low, high = np.quantile(draws, [0.025, 0.975]).tolist() if draws else (None, None)
        result[name] = {
            "interpretable": share.share,
            "low": low,
            "high": high,
            "mean_of_draws": float(np.mean(draws)) if draws else None,
            "better_sign": best.share,
            "units": [
                {"name": n, "movement": movement, "likeness": round(float(likeness), 3), "passes": bool(passes)}
                for n, movement, likeness, passes in zip(
                    unit_names(model), table["action"], table["likeness"], table["interpretable"], strict=True
                )
            ],
        }
        print(f"{name}: {share}; over people {low}, {high}; better sign {best.share:.2f}", flush=True)
    for signed in (False, True):
        units = random_units(learn, 200, signed=signed)
        result["random, signed" if signed else "random"] = {"interpretable": interpretable_share(units).share}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--real", nargs="*", default=[], metavar="NAME=SOURCE,SOURCE")
    parser.add_argument("--sets", nargs="*")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    halves = {"first": list(ACTION_UNITS)[::2], "second": list(ACTION_UNITS)[1::2], "all": None}
    rates = calibrate(people=range(2000, 2030))
    content: dict[str, object] = {
        "rule": repr(Rule()),
        "lowest share on people 0 to 19, by action units": {
            n: lowest_share(range(20), half) for n, half in halves.items()
        },
        "passes on people 2000 to 2029, percent": rates["passes"].round(1).to_dict(),
        "n_units": N_UNITS,
        "interval": "95 % over people drawn anew, models learned anew",
        "note": "the rule's movements and the simulated faces share muscles: shares on simulated sets are no evidence",
    }
    print(rates.round(1).to_string(), flush=True)
    sets = {name: lambda name=name: simulated(name, None)[0] for name in ("sim-ckplus", "sim-disfa")}
    for entry in chosen.real:
        name, _, sources = entry.partition("=")
        sets[name] = lambda sources=sources: real(sources)
    if chosen.sets is not None:
        done = sorted(FOLDER.glob("interpretability-*.json"))
        known = json.loads(done[-1].read_text(encoding="utf-8")) if done else {}
        content |= {name: found for name, found in known.items() if isinstance(found, dict) and "people" in found}
    for name, motion in sets.items():
        if chosen.sets is not None and name not in chosen.sets:
            continue
        start = time.perf_counter()
        print(name, flush=True)
        content[name] = study(motion(), chosen.draws, chosen.frames)
        write("interpretability", content)
        print(f"{time.perf_counter() - start:.0f} s", flush=True)
    print(write("interpretability", content))


if __name__ == "__main__":
    main()
