"""The whole recipe (seven part searches, then level 2 until 95 %) beside scikit-learn's, on paper-sized data.

scikit-learn's time is extrapolated: its fit of a sample of the cells that the paper's walk visits, each stopped
after --rounds rounds, times the number of cells; and its NMF of a sample of the numbers of units. It is a lower bound.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
from _motion import arguments, cpu_seconds, simulated
from _results import write
from sklearn.decomposition import NMF, DictionaryLearning

from dfecs_lib.coding.encoders import by_pattern  # noqa: F401 (imports numba's kernels before the clock starts)
from dfecs_lib.coding.sparse_coding import code
from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.ffm.search import ALPHAS
from dfecs_lib.keypoints import scheme_of

CLOCK = time.process_time


def cells_of_the_walk(model: FullFaceModel) -> dict[str, list[tuple[int, float]]]:
    """The cells that the paper's order visits before it comes to the one that was found."""
    cells = {}
    for part, alpha in model.part_alphas_.items():
        n_atoms = model.atom_parts_.count(part)
        walk = [(n, a) for n in range(1, n_atoms + 1) for a in ALPHAS]
        cells[part] = walk[: walk.index((n_atoms, alpha)) + 1]
    return cells


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--cells", type=int, default=2, help="scikit-learn cells timed for each part")
    parser.add_argument("--part-variance", type=float, default=0.99)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    motion, _ = simulated()
    settings = {"part_variance": chosen.part_variance}
    FullFaceModel(n_units=2, **settings).fit(motion.iloc[:300])  # compiling does not count
    ours, model = cpu_seconds(lambda: FullFaceModel(**settings).fit(motion), CLOCK)
    print(f"path: {ours:.1f} s, {len(model.components_)} units", flush=True)
    scheme, values = scheme_of(motion), motion.to_numpy()
    timed, total, count = [], 0.0, 0
    codes = []
    for part, walk in cells_of_the_walk(model).items():
        where = scheme.parts[part]
        X = np.ascontiguousarray(values[:, np.r_[where, where + scheme.n_points]])
        picks = [walk[int(i)] for i in np.linspace(len(walk) // 4, len(walk) - 1, chosen.cells)]
        seconds = []
        for n_atoms, alpha in picks:
            slow = DictionaryLearning(
                n_atoms,
                alpha=alpha,
                fit_algorithm="cd",
                transform_algorithm="lasso_cd",
                transform_alpha=alpha,
                positive_code=True,
                max_iter=chosen.rounds,
                transform_max_iter=2000,
                random_state=42,
            )
            seconds.append(cpu_seconds(lambda slow=slow, X=X: slow.fit(X), CLOCK)[0])
            timed.append({"part": part, "n_atoms": n_atoms, "alpha": alpha, "seconds": seconds[-1]})
        total += float(np.mean(seconds)) * len(walk)
        count += len(walk)
        mine = [k for k, name in enumerate(model.atom_parts_) if name == part]
        atoms = model.atoms_[np.ix_(mine, model.part_columns_[part])]
        codes.append(code(X, np.ascontiguousarray(atoms), model.part_alphas_[part]).codes)
        print(part, len(walk), [round(s, 2) for s in seconds], flush=True)
    U = np.concatenate(codes, axis=1)
    last = len(model.components_)
    sampled = sorted({1, max(1, last // 2), last})
    factored = {
        k: cpu_seconds(lambda k=k: NMF(k, init="random", max_iter=1000, random_state=0).fit(U), CLOCK)[0]
        for k in sampled
    }
    second = float(np.mean(list(factored.values()))) * last
    content = {
        "clock": "processor time, one thread",
        "data": {"simulated": "sim-disfa", "frames": len(values), "columns": values.shape[1]},
        "settings": settings,
        "ours": {
            "seconds": ours,
            "cells": len(model.part_path_),
            "units": last,
            "atoms": len(model.atoms_),
            "variance_explained": model.variance_explained_,
        },
        "scikit-learn, extrapolated lower bound": {
            "cells": count,
            "rounds_a_cell": chosen.rounds,
            "timed_cells": timed,
            "level_1_seconds": total,
            "level_2_timed_seconds": factored,
            "level_2_seconds": second,
        },
        "ratio_at_least": (total + second) / ours,
    }
    print(write("recipe", content), f"ratio at least {(total + second) / ours:.0f}")


if __name__ == "__main__":
    main()
