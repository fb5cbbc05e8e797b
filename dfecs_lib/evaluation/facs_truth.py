"""How near keypoint FACS units come to the truth, which simulated faces know."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dfecs_lib.baselines import FACSUnits, PooledFACSUnits
from dfecs_lib.evaluation.recovery import cosines
from dfecs_lib.keypoints import get_scheme, make_table
from dfecs_lib.preprocessing import make_preprocessor
from dfecs_lib.simulate import ACTION_UNITS, FURTHER, Face, channel_of
from dfecs_lib.simulate.muscles import vary_muscles
from dfecs_lib.simulate.people import draw_person, stream

__all__ = ["facs_recovery", "true_facs_units"]

#: Intensity of the true action units, and what a coder would call present.
_INTENSITY, _PRESENT = 3.0, 1.0


def true_facs_units(
    scheme: str = "ibug68",
    *,
    n_people: int = 40,
    muscles_differ: bool = False,
    frontalize: bool = False,
    random_state: int = 5,
) -> pd.DataFrame:
    """Return the mean motion of each action unit of simulated people, seen from the front without error, registered.

    Parameters
    ----------
    scheme : str
        iBUG's points or some of them.
    n_people : int
        Drawn from a stream of their own: they are in no simulated dataset.
    muscles_differ : bool
        Whether everybody has muscles of their own, too (`dfecs_lib.simulate.muscles.vary_muscles`).
    frontalize : bool
        Whether these frontal faces go through frontalization first. What that does to them can be had back by no
        estimate that learns from frontalized faces.
    random_state : int

    Returns
    -------
    DataFrame
        Index ``AU01 …``, columns of the scheme, pixels for one step of intensity.

    Examples
    --------
    >>> float(true_facs_units(n_people=2).loc["AU12", "y_48"]) < 0  # a smile lifts the corner of the mouth
    True
    """
    known = get_scheme(scheme)
    known_units = sorted({*ACTION_UNITS, *FURTHER})
    codes = np.stack([channel_of({au: _INTENSITY}) for au in known_units] + [channel_of({})])
    faces = [draw_person(f"T{k}", random_state, "truth").face for k in range(n_people)]
    if muscles_differ:
        own = [vary_muscles(stream(random_state, "muscles", k)) for k in range(n_people)]
        faces = [Face(face.neutral, face.gains, muscles) for face, muscles in zip(faces, own, strict=True)]
    points = np.concatenate([face.express(codes)[:, list(known.ibug), :2] for face in faces])
    table = make_table(points, scheme=scheme, frames=range(len(points)))
    registered = make_preprocessor(frontalize=frontalize).fit_transform(table).to_numpy()
    rows = registered.reshape(n_people, len(codes), -1)
    motion = (rows[:, :-1] - rows[:, -1:]).mean(axis=0) / _INTENSITY
    return pd.DataFrame(motion, index=[f"AU{au:02d}" for au in known_units], columns=list(known.columns))


def facs_recovery(
    units: Mapping[str, FACSUnits | PooledFACSUnits],
    truth: pd.DataFrame,
    action_units: pd.DataFrame,
    *,
    least_frames: int = 5,
) -> pd.DataFrame:
    """Cosine of each estimated unit with the true one, beside how many people showed it.

    Parameters
    ----------
    units : mapping of str to units
        Estimated from the frames of `action_units`, of the scheme of `truth`.
    truth : DataFrame
        Of `true_facs_units`.
    action_units : AU table
        True intensities.
    least_frames : int
        A person shows a unit who shows it in as many frames.

    Returns
    -------
    DataFrame
        One row an action unit of `truth` that anybody shows: a column for each of `units` (NaN where it has no such
        unit); ``pixels for one step``, length of the true motion; ``people`` who show it at all (intensity above 0, as
        a restless face does) and ``people, present`` who show what a coder would call present (1 or more).
    """
    found = {}
    for name, model in units.items():
        shared = [au for au in model.unit_names_ if au in truth.index]
        rows = model.components_[[model.unit_names_.index(au) for au in shared]]
        found[name] = pd.Series(np.diag(cosines(rows, truth.loc[shared])), shared)
    table = pd.DataFrame(found, index=truth.index)
    table["pixels for one step"] = np.linalg.norm(truth, axis=1)
    for name, shown in (("people", action_units > 0), ("people, present", action_units >= _PRESENT)):
        enough = shown.groupby(level=["dataset", "subject"]).sum() >= least_frames
        table[name] = enough.sum().reindex(truth.index, fill_value=0)
    return table[table["people"] > 0].rename_axis("action unit")
