"""Where nothing can be written, compiled code is made anew, and results are the same."""

from __future__ import annotations

import os
import subprocess
import sys


def test_no_place_for_compiled_code_costs_a_note_and_nothing_else() -> None:
    script = (
        "import warnings, numba.core.caching as caching\n"
        "caching.CacheImpl._locator_classes = []\n"
        "from dfecs_lib.coding.compiled import compiler\n"
        "with warnings.catch_warnings(record=True) as told:\n"
        "    warnings.simplefilter('always')\n"
        "    double = compiler(error_model='numpy')(lambda x: 2 * x)\n"
        "    compiler()(lambda x: x)\n"
        "print(double(21), len(told), 'NUMBA_CACHE_DIR' in str(told[0].message))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={**os.environ, "HOME": "/"}
    )
    assert done.stdout.split() == ["42", "1", "True"]
