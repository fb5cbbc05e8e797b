"""Questions in Kazakh-Russian Sign Language: OpenFace CSVs of signed sentences, whose names say who signs what.

Two ways to name the files are read: the published ones (``gen_q-neut-dom.postroili-vik.csv``) and their short form
``{signer}_{kind}_{sentence}.csv`` (``s1_polar_dom.csv``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dfecs_lib.data.readers import openface
from dfecs_lib.data.readers.folders import N_JOBS, assemble, find, read_all
from dfecs_lib.data.readers.openface_folders import count_frames, only, read_recording
from dfecs_lib.data.readers.registry import DatasetReader
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import IBUG68
from dfecs_lib.keypoints.dataset import Readings

__all__ = ["KINDS", "READER", "KrslName", "parse_krsl_name"]

#: Kinds of sentences.
KINDS = ("statement", "polar", "wh")
_SENTENCES = ("dev", "dom", "mal", "mam", "okn", "pap", "reb", "sob", "tel", "uch")
_SHORT = re.compile(rf"(?P<signer>[a-z0-9]+)_(?P<kind>{'|'.join(KINDS)})_(?P<sentence>[a-z]{{3}})")
_PUBLISHED = re.compile(r"(?P<kind>gen_q|part_q|st|utv)[-_]neut[-_](?P<sentence>[a-z.]+)[-_](?P<signer>[a-z]+)")
_PUBLISHED_KINDS = {"gen_q": "polar", "part_q": "wh", "st": "statement", "utv": "statement"}
# Two signers go by a shortened name in some files.
_SIGNERS = {"g": "gul", "mir": "mira"}
_MISSPELT = {"ucs": "uch"}


@dataclass(frozen=True)
class KrslName:
    """What the name of a file says: who signs (`signer`), one of `KINDS`, and which of the ten sentences."""

    signer: str
    kind: str
    sentence: str

    @property
    def recording(self) -> str:
        """The recording's name in the table, ``"polar_dom"``."""
        return f"{self.kind}_{self.sentence}"


def parse_krsl_name(stem: str) -> KrslName:
    """Read a file's name, in either of its forms.

    Raises
    ------
    DfecsError
        If it has neither form.

    Examples
    --------
    >>> parse_krsl_name("gen_q-neut-dom.postroili-X")
    KrslName(signer='x', kind='polar', sentence='dom')
    >>> parse_krsl_name("s1_wh_okn").recording
    'wh_okn'
    """
    name = stem.lower()
    match = _SHORT.fullmatch(name) or _PUBLISHED.fullmatch(name)
    sentence = "" if match is None else _MISSPELT.get(match["sentence"][:3], match["sentence"][:3])
    if match is None or sentence not in _SENTENCES:
        raise DfecsError(f"{stem!r} does not name a signer, a kind of sentence and a sentence (such as s1_polar_dom)")
    kind, signer = match["kind"], match["signer"]
    return KrslName(_SIGNERS.get(signer, signer), _PUBLISHED_KINDS.get(kind, kind), sentence)


def _named(folder: Path) -> tuple[list[tuple[Path, KrslName]], list[tuple[str, str]]]:
    """Return the files with what their names say, and those whose names say nothing, with the reason."""
    known, strange = [], []
    for path in find(folder, "**/*.csv", "OpenFace CSVs named such as s1_polar_dom.csv"):
        try:
            known.append((path, parse_krsl_name(path.stem)))
        except DfecsError as error:
            strange.append((path.relative_to(folder).as_posix(), str(error)))
    return known, strange


def read(
    folder: Path,
    *,
    name: str = "krsl",
    n_jobs: int = N_JOBS,
    progress: bool | None = None,
    min_confidence: float = openface.MIN_CONFIDENCE,
) -> Readings:
    """Read the signed sentences.

    The files hold 3-D landmarks only, which are seen through a camera as `dfecs_lib.data.readers.read_tracks` says.

    Parameters
    ----------
    folder : Path
        Holds the CSVs, at any depth.
    min_confidence : float
        Frames with a lower OpenFace confidence count as failed.
    """
    named, strange = _named(folder)
    jobs = ((folder, path, said.signer, said.recording, min_confidence) for path, said in named)
    recordings = read_all(read_recording, jobs, label=name, n_jobs=n_jobs, progress=progress)
    notes = [f"{path} was left out: {reason}." for path, reason in strange]
    return assemble(
        recordings,
        name=name,
        reader="krsl",
        scheme=IBUG68.name,
        notes=notes,
        tracker="OpenFace",
        min_confidence=min_confidence,
    )


def _inventory(folder: Path) -> pd.DataFrame:
    named, _ = _named(folder)
    rows = [(said.signer, said.recording, count_frames(path)) for path, said in named]
    return pd.DataFrame(rows, columns=["subject", "recording", "frames"])


def _sniff(folder: Path) -> bool:
    names = (path.stem.lower() for path in folder.rglob("*.csv") if not path.name.startswith("."))
    # One such name among others is somebody's own; the dataset's folder holds nothing else.
    return only(bool(_SHORT.fullmatch(name) or _PUBLISHED.fullmatch(name)) for name in names)


def _tracks(folder: Path) -> list[tuple[Path, str, str]]:
    return [(path, said.signer, said.recording) for path, said in _named(folder)[0]]


READER = DatasetReader("krsl", IBUG68.name, "choose", _sniff, read, _inventory, _tracks, first_frame=1)
