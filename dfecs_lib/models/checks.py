"""What settings and stored values may be: one sentence for each that is not."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import TypeGuard

from dfecs_lib.errors import DfecsError

__all__ = [
    "Check",
    "check_choice",
    "check_count",
    "check_each",
    "check_jobs",
    "check_penalty",
    "check_share",
    "is_flag",
    "is_number",
    "is_penalty",
    "is_text",
    "is_whole",
    "list_of",
    "mapping_of",
    "optional",
]

#: Whether a value read from a file is what the model keeps under that name.
Check = Callable[[object], bool]


def check_each(model: object, check: Callable[[str, object], None], *names: str) -> None:
    """Apply a check to the model's settings of these names."""
    for name in names:
        check(name, getattr(model, name))


def check_share(name: str, value: object) -> None:
    """Refuse a share of variance outside (0, 1]."""
    if not is_number(value):
        raise DfecsError(f"{name} is {value!r}, but it is a share between 0 and 1")
    if not 0 < value <= 1:
        hint = f"; give {value / 100:g} for {value:g} %" if 1 < value <= 100 else ""
        raise DfecsError(f"{name} is {value}, but it is a share between 0 and 1{hint}")


def check_count(name: str, value: object) -> None:
    """Refuse what is no number of things, at least one; None passes."""
    if value is None:
        return
    if not is_whole(value):
        raise DfecsError(f"{name} is {value!r}, but a whole number is needed")
    if value < 1:
        raise DfecsError(f"{name} is {value}, but at least 1 is needed")


def check_penalty(name: str, value: object) -> None:
    """Refuse penalties (and tolerances) that are no numbers, or negative; None passes."""
    if value is None:
        return
    if not is_number(value):
        raise DfecsError(f"{name} is {value!r}, but a number is needed")
    if value < 0:
        raise DfecsError(f"{name} is {value}, but a penalty cannot be negative")


def check_jobs(name: str, value: object) -> None:
    """Refuse what joblib does not take as a number of workers; None passes."""
    if value is not None and (not is_whole(value) or value == 0):
        raise DfecsError(f"{name} is {value!r}, but a whole number other than 0 is needed, -1 for all cores")


def check_choice(name: str, value: object, known: tuple[str, ...]) -> None:
    """Refuse words that are not among the known ones."""
    if not isinstance(value, str) or value not in known:
        raise DfecsError(f"unknown {name} {value!r}; known: {', '.join(map(repr, known))}")


def is_number(value: object) -> TypeGuard[float]:
    """A finite number."""
    return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)


def is_penalty(value: object) -> bool:
    """A finite number that is not negative."""
    return is_number(value) and value >= 0


def is_whole(value: object) -> TypeGuard[int]:
    """A whole number."""
    return not isinstance(value, bool) and isinstance(value, Integral)


def is_flag(value: object) -> bool:
    """True or False."""
    return isinstance(value, bool)


def is_text(value: object) -> bool:
    """A word."""
    return isinstance(value, str)


def optional(check: Check) -> Check:
    """None, or what `check` accepts."""
    return lambda value: value is None or check(value)


def list_of(check: Check) -> Check:
    """A list of what `check` accepts."""
    return lambda value: isinstance(value, list) and all(map(check, value))


def mapping_of(check: Check) -> Check:
    """A mapping from names to what `check` accepts."""
    return lambda value: isinstance(value, Mapping) and all(map(check, value.values()))
