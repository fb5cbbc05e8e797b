"""What a results page studies: motion by short name, exemplar units, true labels, emotions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dfecs_lib.baselines import FACSUnits
from dfecs_lib.data.load import describe, load, split_names
from dfecs_lib.data.manifest import State, load_manifest, state
from dfecs_lib.data.readers.ravdess import parse_name
from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.ablation import Faces
from dfecs_lib.evaluation.frames import convert_units
from dfecs_lib.evaluation.recovery import cosines
from dfecs_lib.evaluation.subjects import split_subjects, subject_names
from dfecs_lib.keypoints import get_scheme
from dfecs_lib.keypoints.dataset import Dataset
from dfecs_lib.preprocessing import preparation, register_exemplars
from dfecs_lib.simulate import SimulatedDataset, exemplar_table

__all__ = [
    "StudySet",
    "emotions_of",
    "exemplar_units",
    "labelled_units",
    "neutral_in",
    "set_table",
    "study_sets",
    "unit_agreement",
]


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

        keypoints = mine(self.data.keypoints)
        neutral = None if self.data.neutral is None else mine(self.data.neutral)
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
        As `dfecs_lib.load` takes them; a string may hold several, comma-separated.
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
    names = split_names(sources)
    if not names or len(set(names)) < len(names):
        raise DfecsError(f"a study needs one or more different data sets, not {', '.join(names) or 'none'}")
    out: dict[str, StudySet] = {}
    for source in names:
        data = load(source, manifest=manifest, size=size)
        prepared = preparation(data)
        about = describe(source)
        if len(names) > 1:
            out[source] = StudySet(source, about, prepared.motion, prepared.mean_neutral, data)
            continue
        for half, motion in zip("AB", split_subjects(prepared.motion, share, random_state), strict=True):
            name = f"{source} ({half})"
            out[name] = StudySet(name, f"{about}, subjects {half}", motion, prepared.mean_neutral, data)
    return out


def set_table(sets: dict[str, StudySet]) -> pd.DataFrame:
    """Subjects, recordings, frames of motion, keypoints and size of motion (root mean square, pixels) of each set."""
    rows = {}
    for name, chosen in sets.items():
        levels = chosen.motion.index.to_frame(index=False)
        rows[name] = {
            "subjects": levels[["dataset", "subject"]].drop_duplicates().shape[0],
            "recordings": levels[["dataset", "subject", "recording"]].drop_duplicates().shape[0],
            "frames": len(levels),
            "keypoints": chosen.motion.shape[1] // 2,
            "motion (px)": float(np.sqrt(np.nanmean(np.square(chosen.motion.to_numpy())))),
        }
    return (
        pd.DataFrame(rows)
        .T.astype(dict.fromkeys(("subjects", "recordings", "frames", "keypoints"), int))
        .rename_axis("data set")
    )


def exemplar_units(
    source: str = "simulated", *, manifest: str | os.PathLike[str] | None = None
) -> tuple[dict[str, FACSUnits], str]:
    """Keypoint FACS units from exemplar faces, registered by `dfecs_lib.preprocessing.register_exemplars`.

    Parameters
    ----------
    source : str
        ``"simulated"``; a dataset of the manifest with the reader ``facs-exemplars``; or ``"auto"``, which is
        ``"facs-exemplars"`` where that is on this machine, else ``"simulated"``.
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
    (21, 'simulated exemplar faces, made by the muscles of all simulated faces')
    """
    if source == "auto":
        present = state(load_manifest(manifest)["facs-exemplars"]) is State.READY
        source = "facs-exemplars" if present else "simulated"
    if source == "simulated":
        faces, about = exemplar_table(), "simulated exemplar faces, made by the muscles of all simulated faces"
    else:
        faces, about = load(source, manifest=manifest).keypoints, f"exemplar faces, {source}"
    registered = register_exemplars(faces, frontalize=source != "simulated")
    registered.index = registered.index.get_level_values("recording")
    single = registered[[name.count("+") == 0 for name in registered.index]]
    units = {"FACS pure": FACSUnits(single).fit()}
    if len(single) < len(registered):
        units["FACS comb"] = FACSUnits(registered).fit()
    return units, about


def labelled_units(chosen: StudySet) -> dict[str, FACSUnits]:
    """FACS units estimated from a set's labelled frames: over all frames at once, and subject by subject.

    Motion is regressed on AU intensities; see `FACSUnits`. Simulated sets give their true intensities.

    Returns
    -------
    dict
        ``"FACS, pooled"`` and ``"FACS, per subject"`` (the mean of the subjects' units); empty without labels.
    """
    labels = chosen.intensities
    if labels is None:
        return {}
    coded = labels.dropna()
    fitted = {
        name: FACSUnits(per_subject=each).fit(chosen.motion, action_units=coded)
        for name, each in (("FACS, pooled", False), ("FACS, per subject", True))
    }
    return fitted


def unit_agreement(chosen: StudySet, exemplar: FACSUnits, least: float = 1.0) -> pd.DataFrame:
    """How alike are one action unit's keypoint units: between subjects, and with the exemplar?

    Parameters
    ----------
    chosen : StudySet
        With AU intensities.
    exemplar : FACSUnits
        Names like ``AU12`` match the labels' columns.
    least : float
        A subject counts for an action unit that they show at least at this intensity in some frame.

    Returns
    -------
    DataFrame
        Index: action units. ``subjects``; ``between_subjects``, mean cosine of a subject's unit with that of
        all other subjects; ``with_exemplar``, cosine of the pooled unit with the exemplar's.
    """
    labels = chosen.intensities
    if labels is None:
        raise DfecsError(f"{chosen.name} has no action-unit labels")
    coded = labels.dropna()
    names = subject_names(coded)
    rows = {}
    own: dict[str, dict[str, float]] = {}
    for subject in names.unique():
        inside = (names == subject).to_numpy()
        shown = coded.columns[(coded[inside].max() >= least).to_numpy()]
        if not len(shown) or inside.all():
            continue
        mine = FACSUnits().fit(chosen.motion, action_units=coded.loc[inside, list(shown)])
        rest = FACSUnits().fit(chosen.motion, action_units=coded[~inside])
        found = cosines(mine.components_, rest.components_)
        for au in set(mine.unit_names_) & set(rest.unit_names_):
            value = found[rest.unit_names_.index(au), mine.unit_names_.index(au)]
            own.setdefault(au, {})[str(subject)] = float(value)
    pooled = FACSUnits().fit(chosen.motion, action_units=coded)
    scheme = str(chosen.motion.attrs["scheme"])
    like = cosines(pooled.components_, convert_units(exemplar.components_, exemplar.scheme_, scheme))
    for k, au in enumerate(pooled.unit_names_):
        match = like[exemplar.unit_names_.index(au), k] if au in exemplar.unit_names_ else np.nan
        seen = list(own.get(au, {}).values())
        between = float(np.mean(seen)) if seen else np.nan
        rows[au] = {"subjects": len(seen), "between_subjects": between, "with_exemplar": match}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("action unit").astype({"subjects": int})


def neutral_in(chosen: StudySet, scheme: str | None) -> pd.Series[float]:
    """A set's average neutral face in another keypoint scheme: what units of that scheme are drawn on."""
    target = get_scheme(str(scheme))
    face = convert_units(chosen.neutral.to_numpy()[None], str(chosen.motion.attrs["scheme"]), target)[0]
    return pd.Series(face, index=list(target.columns))


def emotions_of(K: pd.DataFrame) -> pd.Series[str] | None:
    """Return the emotion shown in every row of RAVDESS tracks, by the recordings' names; None for other data."""
    recordings = K.index.get_level_values("recording")
    try:
        known = {name: parse_name(str(name)).emotion for name in recordings.unique()}
    except DfecsError:
        return None
    return pd.Series([known[name] for name in recordings], index=K.index, name="emotion")
