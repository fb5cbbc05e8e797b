"""How near each way of choosing a neutral frame comes to the true resting face, on simulated faces.

python benchmarks/neutral.py
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from _results import write

from dfecs_lib.keypoints import scheme_of
from dfecs_lib.preprocessing import make_preprocessor
from dfecs_lib.preprocessing.anchors import free_columns
from dfecs_lib.preprocessing.neutral import METHODS, choose_neutral
from dfecs_lib.simulate import simulate

LEVELS = ["dataset", "subject", "recording"]


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean point distance (n,) of rows, in % of the distance between the outer corners of the eyes."""
    return np.sqrt(((a - b).reshape(len(a), 2, -1) ** 2).sum(axis=1)).mean(axis=1) / 6


def main() -> None:
    pre, plain = make_preprocessor(), make_preprocessor(frontalize=False)
    rows = []
    for name in ("sim-disfa", "sim-ckplus", "sim-bp4d"):
        for seed in range(5):
            data = simulate(name, random_state=seed)
            faces = pre.fit_transform(data.keypoints)
            columns = free_columns(scheme_of(faces))
            resting = data.truth.resting
            rest = pd.DataFrame(plain.transform(resting.to_numpy()), index=resting.index)
            units = data.truth.action_units.sum(axis=1)
            usable = faces.dropna()
            choices = {method: choose_neutral(faces, method) for method in METHODS}
            choices["the dataset's own rule"] = faces.loc[data.neutral.index]
            choices["a random frame"] = usable.groupby(level=LEVELS).sample(1, random_state=seed)
            choices["least action (truth)"] = faces.loc[units[usable.index].groupby(level=LEVELS).idxmin()]
            for method, chosen in choices.items():
                goal = rest.loc[chosen.index.get_level_values("subject")].to_numpy()[:, columns]
                really = plain.transform(data.truth.frontal.loc[chosen.index].to_numpy())[:, columns]
                rows.append(
                    {
                        "dataset": name,
                        "method": method,
                        "face_error_percent": float(distance(chosen.to_numpy()[:, columns], goal).mean()),
                        "expression_percent": float(distance(really, goal).mean()),
                        "expression_90th_percentile": float(np.percentile(distance(really, goal), 90)),
                        "sum_of_intensities": float(units.loc[chosen.index].mean()),
                    }
                )
    table = pd.DataFrame(rows).groupby(["dataset", "method"], sort=False).mean()
    content: dict[str, object] = {
        "about": "simulated faces, five seeds. expression: true distance of the chosen frame's face from rest; face "
        "error: distance of the chosen registered frame, tracker noise and frontalization included. Sequences of "
        "sim-ckplus and sim-bp4d start at rest by design, so that 'first' has an advantage there.",
        "results": {d: table.loc[d].round(3).to_dict("index") for d in ("sim-disfa", "sim-ckplus", "sim-bp4d")},
    }
    path = write("neutral", content)
    print(table.round(2).to_string())
    print(path)


if __name__ == "__main__":
    main()
