"""Faces that can be set moving: two drawings of the same points, a named button, nothing that moves by itself."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from dfecs_lib import plotting
from dfecs_lib.keypoints.schemes import get_scheme


def face(scheme: str = "ibug68") -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, get_scheme(scheme).n_points, endpoint=False)
    return np.concatenate([300 + 100 * np.cos(angle), 200 + 150 * np.sin(angle)])


def raised(keypoint: int = 30, scheme: str = "ibug68") -> np.ndarray:
    motion = np.zeros_like(face(scheme))
    motion[len(motion) // 2 + keypoint] = -10.0
    return motion


def path(html: str, name: str) -> str:
    return re.search(rf'class="dfecs-{name}" d="([^"]*)"', html)[1]


def points(html: str, name: str) -> np.ndarray:
    return np.array([int(v) for v in re.findall(r"-?\d+", path(html, name))]).reshape(-1, 2)


def test_rest_and_full_are_the_same_points_but_for_what_moves():
    html = plotting.MovingFaces(face(), [(raised(), "The nose rises.", "unit 1")], "ibug68").html
    step = points(html, "moved") - points(html, "rest")
    assert re.sub(r"-?\d+", "", path(html, "moved")) == re.sub(r"-?\d+", "", path(html, "rest"))
    assert set(map(tuple, step[np.abs(step).sum(axis=1) > 0])) == {(0, -167)}  # a sixth of the face's width, upwards
    assert path(html, "arrows").count("Z") == 1


@pytest.mark.parametrize("scheme", ["ibug68", "disfa66", "bp4d49"])
def test_every_unit_has_alt_text_a_label_and_a_button_that_waits_for_the_script(scheme):
    units = [(raised(k, scheme), f"Point {k} <rises>.", f"unit {k} & more") for k in (3, 20)]
    html = plotting.MovingFaces(face(scheme), units, scheme, caption="Two.", data="a drawing").html
    tree = ElementTree.fromstring(html.partition("<script>")[0].replace(" hidden ", " ") + "</figure>")
    assert [svg.get("aria-label") for svg in tree.iter("svg")] == ["Point 3 <rises>.", "Point 20 <rises>."]
    assert [b.get("aria-label") for b in tree.iter("button")] == ["Move: unit 3 & more", "Move: unit 20 & more"]
    assert html.count('<button type="button" hidden aria-pressed="false"') == 2
    assert "a drawing" in html


def test_missing_points_leave_gaps_in_both():
    neutral = face()
    neutral[[3, 71]] = np.nan
    html = plotting.MovingFaces(neutral, [(raised(), "The nose rises.", "unit 1")]).html
    assert "nan" not in html.lower()
    assert len(points(html, "moved")) == len(points(html, "rest"))


def test_a_unit_of_nothing_is_a_face_at_rest():
    html = plotting.MovingFaces(face(), [(np.zeros(136), "Nothing moves.", "unit 1")]).html
    assert path(html, "moved") == path(html, "rest")
    assert path(html, "arrows") == ""


def test_a_face_costs_few_bytes():
    one, two = (plotting.MovingFaces(face(), n * [(raised(), "A.", "u")]).html for n in (1, 2))
    assert len(two) - len(one) < 3000
