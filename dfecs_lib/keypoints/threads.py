"""Products of matrices in one thread: BLAS sums in another order with other numbers of threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

__all__ = ["one_blas_thread"]

_LOCK = threading.Lock()
_HELD: dict[str, tuple[int, threadpool_limits]] = {}


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread, until the last of all that hold it lets go, so that results are the same bytes.

    Examples
    --------
    >>> with one_blas_thread():
    ...     pass
    """
    with _LOCK:
        count, limit = _HELD.get("blas") or (0, threadpool_limits(1, user_api="blas"))
        _HELD["blas"] = (count + 1, limit)
    try:
        yield
    finally:
        with _LOCK:
            count, limit = _HELD.pop("blas")
            if count > 1:
                _HELD["blas"] = (count - 1, limit)
            else:
                limit.restore_original_limits()
