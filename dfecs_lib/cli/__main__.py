"""``python -m dfecs_lib.cli``, for where the command ``dfecs`` is not on the path."""

from __future__ import annotations

import sys

from dfecs_lib.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
