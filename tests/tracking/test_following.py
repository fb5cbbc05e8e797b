"""Frames that show something else than a face in motion are doubted; heads that move are not."""

from __future__ import annotations

import numpy as np
import pytest

from dfecs_lib.tracking import Detection
from dfecs_lib.tracking.following import Follower, Track, doubts


def _face(x: float, y: float = 200.0, width: float = 100.0, spread: float = 0.003) -> Detection:
    angles = np.linspace(0, 2 * np.pi, 49)
    points = np.array([x, y]) + width / 2 * np.column_stack([np.cos(angles), np.sin(angles)])
    return Detection(points, 1.0, np.array([x - width / 2, y - width / 2, x + width / 2, y + width / 2]), spread)


def _doubts(faces: list[Detection]) -> list[str]:
    return doubts(Track(list(range(len(faces))), faces), 30).tolist()


def test_a_head_that_moves_and_comes_closer_is_believed() -> None:
    moving = [_face(200 + 20 * k, width=100 * 1.05**k) for k in range(30)]  # six widths a second
    assert set(_doubts(moving)) == {""}


@pytest.mark.parametrize(
    ("strange", "word"),
    [
        (_face(320), "jump"),
        (_face(200, width=2000), "jump"),
        (_face(200, width=200), "size"),
        (_face(200, width=40), "size"),
    ],
)
def test_a_frame_unlike_its_neighbours_is_not(strange: Detection, word: str) -> None:
    faces = [_face(200.0)] * 30
    faces[12] = strange
    found = _doubts(faces)
    assert found.count("") == 29
    assert found[12] in (word, "size")


def test_a_face_is_covered_where_its_points_are_unsure_for_long() -> None:
    faces = [_face(200.0)] * 60
    faces[10] = _face(200.0, spread=0.02)  # one frame is a blink of the tracker
    faces[30:50] = [_face(200.0, spread=0.02)] * 20
    assert np.flatnonzero(np.array(_doubts(faces)) == "covered").tolist() == list(range(30, 50))


def test_nothing_is_said_on_the_places_of_single_photographs() -> None:
    faces = [_face(x) for x in (100, 900, 300, 1200, 500)]
    assert set(doubts(Track(list(range(5)), faces), None, moving=False)) == {""}


def test_crossing_people_keep_their_names_while_they_are_apart_in_size() -> None:
    follower = Follower()
    for k in range(40):
        follower.add([_face(100 + 20 * k, width=60), _face(900 - 20 * k, width=180)])
    people = follower.people()
    assert [len(person.frames) for person in people] == [40, 40]
    assert {face.box[2] - face.box[0] for face in people[0].faces} == {180.0}


def test_a_flicker_is_nobody() -> None:
    follower = Follower()
    for k in range(100):
        follower.add([_face(200.0), *([_face(900.0)] if k in (40, 41) else [])])
    assert [len(person.frames) for person in follower.people()] == [100]
