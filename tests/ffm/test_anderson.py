"""Acceleration of a fixed-point iteration: descent comes to the same end without it, so that it is tested apart."""

from __future__ import annotations

import numpy as np

from dfecs_lib.coding.anderson import Anderson


def test_a_linear_iteration_nearly_ends_after_twice_its_dimensions() -> None:
    rng = np.random.default_rng(0)
    turned, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    slow = turned @ np.diag([0.99, 0.9, 0.5]) @ turned.T  # by plain steps half of the way takes 69
    end = rng.normal(size=3)
    anderson, point = Anderson(), np.zeros(3)
    for _ in range(6):
        point = anderson.propose(point, slow @ (point - end) + end)
    assert np.abs(point - end).max() < 1e-3
    assert anderson.active


def test_the_first_step_and_one_after_forgetting_are_plain() -> None:
    anderson, point = Anderson(), np.array([4.0, 2.0])
    assert anderson.propose(point, point / 2).tolist() == [2.0, 1.0]
    assert not anderson.active
    anderson.propose(point / 2, point / 4)
    anderson.reset()
    assert not anderson.active
    assert anderson.propose(point, point / 2).tolist() == [2.0, 1.0]


def test_where_nothing_moves_nothing_is_proposed() -> None:
    anderson, still = Anderson(), np.ones(2)
    for _ in range(3):
        assert anderson.propose(still, still).tolist() == [1.0, 1.0]
