"""What a results page studies: motion by short name, exemplar units, true labels, emotions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from dfecs_lib.baselines import FACSUnits
from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.ablation import Faces
from dfecs_lib.evaluation.subjects import split_subjects, subject_names
from dfecs_lib.io.dataset import Dataset
from dfecs_lib.io.ravdess import parse_name
from dfecs_lib.keypoints import get_scheme
from dfecs_lib.preprocessing import make_preprocessor
from dfecs_lib.simulate import SimulatedDataset, exemplar_table
from dfecs_lib.sources import describe_source, load_source, motion_of, source_names

__all__ = ["StudySet", "common_points", "emotions_of", "exemplar_units", "study_sets"]


@dataclass(frozen=True, eq=False)
class StudySet:
    """One data set of a study.

    Attributes
    ----------
    name : str
        Short, as tables show it: the manifest's name, with ``(A)`` or ``(B)`` for one half of the subjects.
    about : str
        As captions should say it.
    motion : KPM table
    neutral : Series
        The average neutral face, registered.
    data : Dataset
        All of the dataset that `motion` comes from.
    """

    name: str
    about: str
    motion: pd.DataFrame
    neutral: pd.Series[float]
    data: Dataset

    @property
    def intensities(self) -> pd.DataFrame | None:
        """AU intensities of the motion's frames: the truth where faces are simulated, else the labels."""
        labels = self.data.truth.action_units if isinstance(self.data, SimulatedDataset) else self.data.action_units
        return None if labels is None else labels.reindex(self.motion.index)

    @property
    def faces(self) -> Faces:
        """The set as an ablation takes it: tracked faces of the set's subjects, truth beside them where it is known."""
        wanted = set(subject_names(self.motion))

        def mine(table: pd.DataFrame) -> pd.DataFrame:
            return table[subject_names(table).isin(wanted).to_numpy()]

        keypoints, neutral = mine(self.data.keypoints), mine(self.data.neutral)
        if not isinstance(self.data, SimulatedDataset):
            return Faces(keypoints, neutral)
        truth = self.data.truth
        return Faces(keypoints, neutral, mine(truth.frontal), mine(truth.action_units))


def study_sets(
    sources: str | Sequence[str],
    *,
    size: str = "small",
    share: float = 0.5,
    random_state: int = 0,
    manifest: str | os.PathLike[str] | None = None,
) -> dict[str, StudySet]:
    """Load the data sets of a study; one alone is cut in two halves with no subject in common.

    Parameters
    ----------
    sources : str or sequence of str
        As `load_source` takes them; a string may hold several, comma-separated.
    size : str
        Of simulated datasets.
    share : float
        Share of the subjects in the first half, where there is one source only.
    random_state : int
        Of that cut.
    manifest : path, optional

    Returns
    -------
    dict of name -> StudySet
        In the order given; the first is what a study trains on.

    Examples
    --------
    >>> list(study_sets("sim-ckplus"))
    ['sim-ckplus (A)', 'sim-ckplus (B)']
    """
    names = source_names(sources)
    if not names or len(set(names)) < len(names):
        raise DfecsError(f"a study needs one or more different data sets, not {', '.join(names) or 'none'}")
    out: dict[str, StudySet] = {}
    for source in names:
        data = load_source(source, manifest, size=size)
        walk = motion_of(data)
        about = describe_source(source)
        if len(names) > 1:
            out[source] = StudySet(source, about, walk.motion, walk.mean_neutral, data)
            continue
        for half, motion in zip("AB", split_subjects(walk.motion, share, random_state), strict=True):
            name = f"{source} ({half})"
            out[name] = StudySet(name, f"{about}, subjects {half}", motion, walk.mean_neutral, data)
    return out


def common_points(sets: dict[str, StudySet]) -> tuple[int, ...]:
    """iBUG-68 points that all sets of a study have, so that every score counts the same ones."""
    schemes = [get_scheme(s.motion.attrs["scheme"]) for s in sets.values()]
    return tuple(p for p in schemes[0].ibug if all(scheme.has(p) for scheme in schemes))


def exemplar_units(
    source: str = "simulated", *, manifest: str | os.PathLike[str] | None = None
) -> tuple[dict[str, FACSUnits], str]:
    """Keypoint FACS units from exemplar faces, registered by the default preprocessing.

    Parameters
    ----------
    source : str
        ``"simulated"``, or a dataset of the manifest with the reader ``facs-exemplars``.
    manifest : path, optional

    Returns
    -------
    (dict, str)
        ``"FACS pure"``: single action units; ``"FACS comb"``: combinations too, where there are some. And what a
        caption should say of the exemplars.

    Examples
    --------
    >>> units, about = exemplar_units()
    >>> {name: len(u.components_) for name, u in units.items()}["FACS pure"], about
    (21, 'simulated exemplar faces')
    """
    if source == "simulated":
        faces, about = exemplar_table(), "simulated exemplar faces"
    else:
        faces, about = load_source(source, manifest).keypoints, f"exemplar faces, {source}"
    registered = make_preprocessor().fit_transform(faces)
    registered.index = registered.index.get_level_values("recording")
    single = registered[[name.count("+") == 0 for name in registered.index]]
    units = {"FACS pure": FACSUnits(single).fit()}
    if len(single) < len(registered):
        units["FACS comb"] = FACSUnits(registered).fit()
    return units, about


def emotions_of(K: pd.DataFrame) -> pd.Series[str] | None:
    """Return the emotion shown in every row of RAVDESS tracks, by the recordings' names; None for other data."""
    recordings = K.index.get_level_values("recording")
    try:
        known = {name: parse_name(str(name)).emotion for name in recordings.unique()}
    except DfecsError:
        return None
    return pd.Series([known[name] for name in recordings], index=K.index, name="emotion")
