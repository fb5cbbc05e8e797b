"""Folds by subject: nobody is tested on a frame of somebody that was learned from."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold

from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.subjects import subject_names

__all__ = ["DISFA_FOLDS", "subject_folds"]

#: The three folds of subjects that published figures on DISFA use.
DISFA_FOLDS = (
    ("SN002", "SN010", "SN001", "SN026", "SN027", "SN032", "SN030", "SN009", "SN016"),
    ("SN013", "SN018", "SN011", "SN028", "SN012", "SN006", "SN031", "SN021", "SN024"),
    ("SN003", "SN029", "SN023", "SN025", "SN008", "SN005", "SN007", "SN017", "SN004"),
)


def subject_folds(table: pd.DataFrame, n_splits: int | None = 3) -> pd.Series[int]:
    """Return the fold in which each row is tested.

    Parameters
    ----------
    table : DataFrame
        Rows by ``(dataset, subject, recording, frame)``.
    n_splits : int, optional
        3: the usual folds where the subjects are those of DISFA; else groups of subjects with about as many frames
        each. None: one fold a subject (leave-one-subject-out).

    Raises
    ------
    DfecsError
        With fewer subjects than folds: one subject cannot be both learned from and tested.
    """
    names = subject_names(table)
    subjects = table.index.get_level_values("subject").astype(str)
    known = sorted(set(names))
    if len(known) < max(2, n_splits or 2):
        raise DfecsError(
            f"{len(known)} subject{'s' * (len(known) != 1)} cannot be cut into {n_splits or 2} folds of different "
            "people; give labels of more people"
        )
    if n_splits is None:
        return pd.Series(pd.factorize(names, sort=True)[0], index=table.index)
    if n_splits == len(DISFA_FOLDS) and set(subjects) <= {s for fold in DISFA_FOLDS for s in fold}:
        fold_of = {subject: k for k, fold in enumerate(DISFA_FOLDS) for subject in fold}
        folds = pd.Series([fold_of[s] for s in subjects], index=table.index)
        if folds.nunique() == n_splits:
            return folds
    out = np.zeros(len(table), dtype=np.int64)
    for k, (_, test) in enumerate(GroupKFold(n_splits).split(out, groups=names)):
        out[test] = k
    return pd.Series(out, index=table.index)
