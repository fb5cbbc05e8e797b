"""The kernel that notebooks run in: this Python, local sockets, and a bounded number of threads."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from dfecs_lib.publishing.runs.memory import peak_memory, peak_of_children

__all__ = ["capped_environment", "kernel_manager"]

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
# A Unix socket's path has at most 104 (macOS) or 108 bytes; some are left for the socket's own name.
_LONGEST_FOLDER = 80


def capped_environment(threads: int) -> dict[str, str]:
    """Return this process's environment with every numerical library held to so many threads."""
    own = dict.fromkeys(_THREAD_VARIABLES, str(threads))
    # Packages that complain on a page of what is no reader's business: no widgets here, and no debugger.
    quiet = ",".join(filter(None, [os.environ.get("PYTHONWARNINGS"), "ignore:IProgress not found"]))
    own |= {"PYTHONWARNINGS": quiet, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    # The same order of sets in every run, so that pages do not differ.
    # Nor 5 MB of plotly.js in every notebook: a page of the book brings it.
    return {**os.environ, **own, "PYTHONHASHSEED": "0", "DFECS_PLOTLY": "page"}


def _socket_folder() -> str | None:
    """Return a fresh private folder whose path is short enough for sockets, or None where there is none."""
    for parent in (tempfile.gettempdir(), "/tmp"):
        if len(os.fsencode(parent)) <= _LONGEST_FOLDER - len("/dfecs-12345678") and os.access(parent, os.W_OK):
            return tempfile.mkdtemp(prefix="dfecs-", dir=parent)
    return None


def kernel_manager(threads: int, on_end: Callable[[int], None] | None = None) -> type[AsyncKernelManager]:
    """Return the class of kernel manager that nbclient shall make.

    `on_end` is told the most memory that the kernel's process held, in bytes, once the notebook has run.
    """

    class Manager(AsyncKernelManager):
        """Talks over local sockets (TCP would be open to every user of the machine, and kernels warn of it)."""

        def __init__(self, **settings: object) -> None:
            super().__init__(**settings)
            self._peak: int | None = None
            self._folder = _socket_folder() if os.name == "posix" else None
            if self._folder is not None:
                self.transport = "ipc"
                self.connection_file = str(Path(self._folder) / "k.json")
                self.ip = str(Path(self._folder) / "k")

        @property
        def kernel_spec(self) -> KernelSpec:
            """The Python of this process, whatever kernels the user has installed elsewhere under the same name."""
            # Quiet: it calls the interrupt by which it is stopped an error; what cells raise comes back as outputs.
            argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=50"]
            return KernelSpec(argv=argv, display_name="Python 3", language="python")

        # The asynchronous steps that jupyter_client's public methods are made of: those are bound to them.
        async def _async_pre_start_kernel(self, **options: Any) -> tuple[list[str], dict[str, Any]]:
            options["env"] = capped_environment(threads)
            return await super()._async_pre_start_kernel(**options)

        async def _async_request_shutdown(self, restart: bool = False) -> None:
            # The last moment at which the process can be asked; elsewhere than on Linux, its parent knows afterwards.
            self._peak = peak_memory(getattr(self.provisioner, "pid", None) or 0)
            await super()._async_request_shutdown(restart=restart)

        async def _async_cleanup_resources(self, restart: bool = False) -> None:
            await super()._async_cleanup_resources(restart=restart)
            peak = self._peak or peak_of_children()
            if on_end is not None and peak is not None and not restart:
                on_end(peak)
            if self._folder is not None and not restart:
                shutil.rmtree(self._folder, ignore_errors=True)

    return Manager
