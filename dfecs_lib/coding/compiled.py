"""Compiled functions that are kept on disc where that can be written, and compiled anew where it cannot."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numba

__all__ = ["compiled", "compiled_short", "compiler"]

_told = False


def compiler(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return numba's decorator with these options and a cache; without one where no place for it can be written.

    A read-only install of a user without a home costs the time of compiling at every start, and nothing else; one
    warning says so.
    """

    def compiled(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError as error:  # "cannot cache function …: no locator available"
            if "cache" not in str(error):
                raise
        global _told
        if not _told:
            _told = True
            note = "no place to keep compiled code can be written, so that it is compiled at every start"
            warnings.warn(f"{note}; NUMBA_CACHE_DIR names one", stacklevel=2)
        return numba.njit(**options)(function)

    return compiled


if TYPE_CHECKING:
    Function = TypeVar("Function")

    def compiled(function: Function) -> Function: ...
    def compiled_short(function: Function) -> Function: ...
else:
    # Sums may be reordered for vector units; NaN and infinity keep their meaning.
    compiled = compiler(nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
    # Loops of a few turns: vectorising their sums would cost more than it saves.
    compiled_short = compiler(nogil=True, error_model="numpy", fastmath={"contract"})
