"""Raters that are not people, to show and to test the study kit. Every answer of theirs is marked as simulated."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from dfecs_lib.anatomy.atlas import load_atlas
from dfecs_lib.interpretability.scores import deviation
from dfecs_lib.rating.answers import COLUMNS, write_answers
from dfecs_lib.rating.study import load_study

__all__ = ["simulate_raters"]


def simulate_raters(
    study: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    *,
    n_raters: int = 6,
    n_careless: int = 1,
    sharpness: float = 12.0,
    random_state: int = 0,
) -> list[Path]:
    """Write the answers of simulated raters to a study, one CSV each, in the page's export form.

    A careful one knows the muscle atlas roughly: it marks a moving keypoint when its angle to the nearest pull, plus
    noise of `sharpness` degrees, exceeds a limit of its own near 50 degrees, and rates by the share of energy that it
    did not mark. A careless one marks and rates at random. They say nothing about people, and nothing new about a
    unit: they repeat the atlas with noise.

    Parameters
    ----------
    study : path
        A study's folder, or its ``study.json``.
    out_dir : path
    n_raters, n_careless : int
        All, and those among them who are careless.
    sharpness : float
        Degrees.
    random_state : int

    Returns
    -------
    list of Path
        Files whose names and rater codes begin with "simulated".
    """
    found = load_study(study)
    trials = cast("list[dict[str, object]]", found["trials"])
    motion = np.array([t["motion"] for t in trials], dtype=np.float64)
    off = np.nan_to_num(deviation(motion, load_atlas()))
    energy = np.square(motion).sum(axis=2)
    rng = np.random.default_rng(random_state)
    target = Path(out_dir)
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for r in range(n_raters):
        careless = r >= n_raters - n_careless
        limit = rng.normal(50.0, 4.0)
        rows = []
        for position, i in enumerate(rng.permutation(len(trials)), start=1):
            trial, moving = trials[i], np.array(cast("list[int]", trials[i]["moving"]), dtype=np.intp)
            if careless:
                marked = moving[rng.random(len(moving)) < 0.3]
                rating = int(rng.integers(1, 6))
            else:
                marked = moving[off[i, moving] + rng.normal(0, sharpness, len(moving)) > limit]
                share = 1.0 - energy[i, marked].sum() / max(energy[i].sum(), 1e-12)
                rating = int(np.clip(np.round(1 + 4 * share + rng.normal(0, 0.5)), 1, 5))
            rows.append(
                {
                    **{name: trial.get(name, "") for name in ("kind", "unit", "sign", "of", "expect")},
                    "trial": trial["id"],
                    "study": found["id"],
                    "rater": f"simulated-{r + 1:02d}",
                    "simulated": True,
                    "seed": found["seed"],
                    "guide": bool(found["guide"]),
                    "position": position,
                    "wrong": tuple(cast("list[int]", trial["wrong"])),
                    "moving": tuple(int(k) for k in moving),
                    "against": tuple(int(k) for k in marked),
                    "none": not len(marked),
                    "rating": rating,
                    "comment": "simulated rater",
                    "seconds": 0.0,
                }
            )
        path = target / f"simulated-{r + 1:02d}.csv"
        write_answers(pd.DataFrame(rows, columns=list(COLUMNS)), path)
        written.append(path)
    return written
