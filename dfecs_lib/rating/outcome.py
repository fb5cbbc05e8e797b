"""What the answers of a study's raters say: the verdict's rule, and the figures."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from dfecs_lib.errors import DfecsError
from dfecs_lib.files import whole_file, write_csv
from dfecs_lib.interpretability.rule import Share
from dfecs_lib.rating.report import report_page
from dfecs_lib.rating.study import load_study

__all__ = ["RaterRule", "RatingReport"]


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


@dataclass(frozen=True)
class RaterRule:
    """How answers become a verdict; fixed beforehand, recorded in the report.

    The paper counts a unit as interpretable when its keypoint motions comply with the pull of facial muscles, as
    volunteers judged; it gives neither the number of volunteers nor how they were pooled. This project's reading: a
    rater finds a motion compliant who marks at most `tolerance` keypoints; a unit is interpretable when more than
    `majority` of the raters kept find every motion it stands for compliant (both directions for signed codes).

    Parameters
    ----------
    tolerance : int
    majority : float
    catch_share : float
        A rater is kept who passes at least this share of the catch trials. An impossible motion is passed by marking
        at least a third of its impossible keypoints and rating it 3 or less; a plain one by marking at most a fifth of
        its moving keypoints and rating it 3 or more.
    """

    tolerance: int = 0
    majority: float = 0.5
    catch_share: float = 0.75


@dataclass(frozen=True)
class RatingReport:
    """The figures that `analyse` gives, and the page that shows them.

    Parameters
    ----------
    study : str
    simulated : bool
        Whether any answer came from `simulate_raters`: then nothing here is about people.
    share : Share
        Interpretable units, Wilson interval; ``chance`` is empty.
    share_over_raters : (float, float)
        95 % bootstrap interval of the share, raters drawn anew.
    units : DataFrame
        One row a unit: raters, complies (share of them, the worse direction), interpretable, rating (mean), keypoints
        (marked by at least a third of the raters).
    raters : DataFrame
        One row a rater: answers, catch trials passed, kept, retest figures, seconds a movement.
    agreement : DataFrame
    points : DataFrame
        One row a (trial, keypoint): share of the kept raters who marked it.
    notes : tuple of str
        What was left out and why, in sentences.
    """

    study: str
    simulated: bool
    share: Share
    share_over_raters: tuple[float, float]
    units: pd.DataFrame
    raters: pd.DataFrame
    agreement: pd.DataFrame
    points: pd.DataFrame = field(repr=False)
    rule: RaterRule
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Return the figures as JSON values (NaN becomes null)."""

        def records(table: pd.DataFrame) -> list[object]:
            found: list[object] = json.loads(table.reset_index().to_json(orient="records"))
            return found

        return {
            "study": self.study,
            "simulated": self.simulated,
            "rule": vars(self.rule),
            "interpretable": {
                "count": self.share.count,
                "n": self.share.n,
                "share": _number(self.share.share),
                "wilson_95": [_number(self.share.low), _number(self.share.high)],
                "bootstrap_over_raters_95": [_number(v) for v in self.share_over_raters],
            },
            "units": records(self.units),
            "raters": records(self.raters),
            "agreement": records(self.agreement),
            "notes": list(self.notes),
        }

    def write(self, folder: str | os.PathLike[str], study: str | os.PathLike[str] | None = None) -> Path:
        """Write report.html, report.json, units.csv and raters.csv; return the page.

        `study` (a study's folder or ``study.json``) lets the page draw the marked keypoints on the face.
        """
        shown = None if study is None else load_study(study)
        if shown is not None and shown["id"] != self.study:
            raise DfecsError(f"the answers are of study {self.study}, not of {shown['id']}")
        target = Path(folder)
        write_csv(self.units, target / "units.csv")
        write_csv(self.raters, target / "raters.csv")
        contents = {
            "report.json": json.dumps(self.to_json(), indent=1),
            "report.html": report_page(self, shown),
        }
        for name, content in contents.items():
            with whole_file(target / name) as partial:
                partial.write_text(content, encoding="utf-8")
        return target / "report.html"
