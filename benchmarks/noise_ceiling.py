"""The noise ceiling against the truth: simulated tracks with and without the tracker's errors.

python benchmarks/noise_ceiling.py
"""

from __future__ import annotations

import pandas as pd
from _results import write

from dfecs_lib.evaluation.noise import noise_ceiling
from dfecs_lib.preprocessing import make_preprocessor, motion_vectors
from dfecs_lib.preprocessing.neutral import choose_neutral
from dfecs_lib.simulate import simulate

PEOPLE = 6
LEVELS = ["dataset", "subject", "recording"]


def faces(name: str, noise: float) -> pd.DataFrame:
    raw = simulate(name, "paper", noise=noise).keypoints
    some = sorted(set(raw.index.get_level_values("subject")))[:PEOPLE]
    raw = raw[raw.index.get_level_values("subject").isin(some)]
    return make_preprocessor().fit_transform(raw)


def main() -> None:
    results = {}
    for name in ("sim-bp4d",):
        clean = faces(name, 0.0)
        rest = choose_neutral(clean).index
        for noise in (0.5, 1.0, 2.0):
            noisy = faces(name, noise)
            seen = noisy.notna().any(axis=1) & clean.notna().any(axis=1)
            own = rest[seen.loc[rest].to_numpy()]
            seen &= noisy.index.droplevel("frame").isin(own.droplevel("frame"))
            motion, true = (motion_vectors(t[seen], t.loc[own]) for t in (noisy, clean))
            found = noise_ceiling(motion)
            energy, error = ((t**2).sum(axis=1).groupby(level=LEVELS).mean() for t in (motion, motion - true))
            real = 100 * (1 - error / energy).reindex(found.index)
            gap = found["ceiling"] - real
            results[f"{name}, noise {noise}"] = {
                "recordings": len(found),
                "true_ceiling": round(float(real.mean()), 2),
                "estimated": round(float(found["ceiling"].mean()), 2),
                "median_difference": round(float(gap.median()), 2),
                "correlation_over_recordings": round(float(real.corr(found["ceiling"])), 2),
            }
    path = write("noise_ceiling", {"about": __doc__, "results": results})
    print(pd.DataFrame(results).T.to_string())
    print(path)


if __name__ == "__main__":
    main()
