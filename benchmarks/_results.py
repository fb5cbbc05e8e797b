"""Dated JSON results, with what is needed to judge them: machine, versions, threads."""

from __future__ import annotations

import datetime
import json
import os
import platform
from pathlib import Path

import numpy
import sklearn

FOLDER = Path(__file__).with_name("results")


def processor() -> str:
    """The processor's name as the system says it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def write(name: str, content: dict[str, object]) -> Path:
    """Write ``results/NAME-DATE.json`` and return its path."""
    now = datetime.datetime.now(datetime.UTC)
    head = {
        "benchmark": name,
        "date": now.date().isoformat(),
        "machine": {"processor": processor(), "cores": os.cpu_count(), "threads": os.environ.get("OMP_NUM_THREADS")},
        "versions": {
            "python": platform.python_version(),
            "numpy": numpy.__version__,
            "scikit-learn": sklearn.__version__,
        },
    }
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}-{now.date().isoformat()}.json"
    path.write_text(json.dumps({**head, **content}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
