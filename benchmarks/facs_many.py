"""Keypoint FACS units of many people against the truth of simulated faces, and what keeps them from it.

    python benchmarks/facs_many.py

Per action unit, the cosine of the estimated unit with the mean true motion of 40 other people, seen from the front and
registered. An action unit counts as seen where five people show it in five frames at all (intensity above 0), which a
restless face does; beside it, where five people show what a coder would call present (intensity 1).

- ``person by person``: least squares within each person, averaged.
- ``pooled``: `dfecs_lib.baselines.PooledFACSUnits`.
- ``pooled, no tracker errors``: on the same faces tracked without error: what pose and frontalization do.
- ``pooled, true motion``: on the true motion, with the true intensities; what the model itself misses, such as lips
  that touch and actions on one side.
- ``frontalization alone``: the true motion of each action unit after frontalization, against that without: nothing
  that is learned from frontalized faces can be expected to come nearer.

The estimator was chosen on seeds 100 to 102; what is written are other seeds, so other people (of which seed 0 was
looked at to see why an earlier estimator, with 14 of 18, 12 of 18 and 16 of 19, fell short: 162 of 218 over all seeds).
With ``muscles differ`` every person has muscles of their own (lengths, directions, widths, strengths), and so have
the 40.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from _results import write

from dfecs_lib.anatomy.head import load_head
from dfecs_lib.baselines import FACSUnits, PooledFACSUnits
from dfecs_lib.evaluation import cosines
from dfecs_lib.evaluation.facs_truth import facs_recovery, true_facs_units
from dfecs_lib.keypoints import from_points, get_scheme
from dfecs_lib.preprocessing import make_preprocessor, motion_vectors, prepare
from dfecs_lib.simulate import DESIGNS, Face, SimulatedDataset, simulate
from dfecs_lib.simulate.action_units import CHANNELS
from dfecs_lib.simulate.muscles import vary_muscles
from dfecs_lib.simulate.observe import head_pose, project, tracking_errors
from dfecs_lib.simulate.people import draw_person, stream

SEEDS = (0, 1, 2, 3)
TARGET, PEOPLE, FRAMES = 0.95, 5, 5
#: Columns that say something of an action unit and not how near an estimate comes.
ABOUT = ("people", "people, present", "pixels for one step")


def true_motion(data: SimulatedDataset) -> pd.DataFrame:
    """Registered motion without camera and tracker, from each person's face at rest."""
    plain, frontal = make_preprocessor(frontalize=False), data.truth.frontal
    first = frontal.index[~frontal.index.droplevel("frame").duplicated()]
    rest = data.truth.resting.loc[first.get_level_values("subject")].set_axis(first)
    rest.attrs = frontal.attrs
    return motion_vectors(plain.fit_transform(frontal), plain.fit_transform(rest))


def with_own_muscles(data: SimulatedDataset, name: str, seed: int) -> pd.DataFrame:
    """Film the same people's actions again, each with muscles of their own; motion as `prepare` gives it."""
    design, head, tables, neutral = DESIGNS[name], load_head(), [], data.neutral.index
    sides = {"R": data.truth.right, "L": data.truth.left, "": data.truth.right}
    codes = np.stack([sides[side][f"AU{au:02d}"].to_numpy() for au, side in CHANNELS], axis=1)
    index = data.truth.action_units.index
    for (subject, recording), where in index.to_frame(index=False).groupby(["subject", "recording"]).groups.items():
        rng = stream(seed, "own muscles", subject)
        gains = draw_person(str(subject), seed, name).face.gains
        shape = head.identities(data.truth.identity.loc[[subject]])[0]
        face = Face(shape, gains, vary_muscles(rng))
        rng = stream(seed, "filmed again", subject, recording)
        step = 1 / design.sizes["small"].fps
        pose, place = head_pose(rng, step * np.arange(len(where)), design.motion, design.camera)
        pixels = project(face.express(codes[where]), pose, place, design.camera, design.tracker.sliding)
        scale = design.camera.scale * design.camera.distance / place[:, 2]
        pixels += tracking_errors(rng, pose[:, 1], design.tracker, step) * scale[:, None, None]
        kept = pixels[:, list(get_scheme(design.scheme).ibug)]
        tables.append(pd.DataFrame(from_points(kept), index=index[where], columns=data.keypoints.columns))
    table = pd.concat(tables).sort_index()
    table.attrs = {"scheme": design.scheme, "history": []}
    return prepare(table, neutral=table.loc[neutral])


def table_of(name: str, seed: int, differ: bool) -> pd.DataFrame:
    data = simulate(name, random_state=seed)
    labels, scheme = data.truth.action_units, str(data.keypoints.attrs["scheme"])
    truth = true_facs_units(scheme, muscles_differ=differ)
    motion = with_own_muscles(data, name, seed) if differ else prepare(data)
    units = {"person by person": FACSUnits(per_subject=True), "pooled": PooledFACSUnits(least_frames=FRAMES)}
    fitted = {way: model.fit(motion, action_units=labels) for way, model in units.items()}
    if not differ:
        clean = prepare(simulate(name, random_state=seed, noise=0.0))
        for what, other in (("no tracker errors", clean), ("true motion", true_motion(data))):
            fitted[f"pooled, {what}"] = PooledFACSUnits(least_frames=FRAMES).fit(other, action_units=labels)
    table = facs_recovery(fitted, truth, labels.loc[motion.index], least_frames=FRAMES)
    frontal = true_facs_units(scheme, muscles_differ=differ, frontalize=True)
    alone = pd.Series(np.diag(cosines(frontal, truth)), truth.index)
    table.insert(len(fitted), "frontalization alone", alone.reindex(table.index))
    return table[table["people"] >= PEOPLE]


def main() -> None:
    results: dict[str, object] = {}
    for differ in (False, True):
        for name in ("sim-disfa", "sim-ckplus", "sim-bp4d"):
            for seed in SEEDS if not differ else SEEDS[:2]:
                table = table_of(name, seed, differ)
                ways = [str(way) for way in table if way not in ABOUT]
                seen = table[table["people, present"] >= PEOPLE]
                counts = {
                    what: {"of": len(rows), **{way: int((rows[way] >= TARGET).sum()) for way in ways}}
                    for what, rows in (("at all", table), ("present", seen))
                }
                key = f"{name}, seed {seed}" + (", muscles differ" if differ else "")
                results[key] = {"at least 0.95": counts, "cosine": table.round(3).to_dict("index")}
                print(key, counts, table.round(3).to_string(), sep="\n", flush=True)
    print(write("facs_many", {"about": __doc__, "results": results}))


if __name__ == "__main__":
    main()
