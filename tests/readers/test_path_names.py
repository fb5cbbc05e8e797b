"""Subjects and recordings as a lab's file names say them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints.path_names import names_from_path


@pytest.mark.parametrize(
    ("path", "pattern", "names"),
    [
        ("P01_happy_2.csv", "{subject}_{recording}", {"subject": "P01", "recording": "happy_2"}),
        ("P01_happy.csv", "{subject}_*", {"subject": "P01"}),
        ("deep/P01/happy.csv", "{subject}/{recording}", {"subject": "P01", "recording": "happy"}),
        ("deep/P01/s2/happy.csv", "{subject}/*/*", {"subject": "P01"}),
        ("study-sub07 (1).v2.csv", "{dataset}-sub{subject} (*", {"dataset": "study", "subject": "07"}),
    ],
)
def test_patterns(path: str, pattern: str, names: dict[str, str]) -> None:
    assert names_from_path(path, pattern) == names


@pytest.mark.parametrize("pattern", ["", "*", "{}", "{subjekt}_*", "{subject}_{subject}", "{subject}_{0}"])
def test_a_pattern_that_says_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(DfecsError, match=r"must hold some of \{dataset\}, \{subject\}, \{recording\}"):
        names_from_path("P01_happy.csv", pattern)


@pytest.mark.parametrize("path", ["happy.csv", "_happy.csv", "P01/happy.csv", "P01_.csv"])
def test_a_file_that_does_not_fit_is_named(path: str, tmp_path: Path) -> None:
    with pytest.raises(DfecsError, match=r"\.csv: does not fit the pattern of names '\{subject\}_\{recording\}'"):
        names_from_path(tmp_path / path, "{subject}_{recording}")
