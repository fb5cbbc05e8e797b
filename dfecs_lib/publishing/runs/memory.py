"""How much memory a process has needed at its peak: what a reader wants to know before running a notebook."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["peak_memory", "peak_of_children"]


def peak_memory(pid: int) -> int | None:
    """Return the most memory that a running process has held, in bytes, or None where the system does not say.

    Linux alone says so of another process: the high-water mark of its resident set (``VmHWM``). Unlike
    ``getrusage`` it starts anew with the program, and does not count what the parent held as it started it.

    Examples
    --------
    >>> import os
    >>> peak_memory(os.getpid()) != 0
    True
    """
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    found = next((line.split()[1] for line in text.splitlines() if line.startswith("VmHWM:")), None)
    return int(found) * 1024 if found else None


def peak_of_children() -> int | None:
    """Return the most memory that any ended child of this process has held, in bytes, or None on Windows."""
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return most * (1 if sys.platform == "darwin" else 1024) or None
