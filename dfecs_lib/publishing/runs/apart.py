"""Notebooks in processes of their own: papermill is not made for threads, and an interrupt must end all of them."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from dfecs_lib.errors import DfecsError
from dfecs_lib.publishing.runs.notebook import Run, RunFailedError, run_notebook

__all__ = ["Children", "answer_order", "run_apart"]

_PATIENCE = 10.0  # seconds that an interrupted process has to stop its kernel


class Children:
    """Processes that each run a notebook; leaving the context with an error (an interrupt, say) stops them."""

    def __init__(self) -> None:
        self._processes: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            return
        with self._lock:
            self._stopped = True
            for process in self._processes:
                process.send_signal(signal.SIGINT)
        for process in list(self._processes):
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()

    def run(
        self,
        notebook: str | os.PathLike[str],
        parameters: Mapping[str, object],
        *,
        needs: Mapping[str, Run],
        options: Mapping[str, object],
        folder: str | os.PathLike[str] | None = None,
    ) -> Run:
        """Do what `run_notebook` does with these arguments in a folder, and raise what it raises."""
        order = {
            "notebook": os.fspath(notebook),
            "parameters": dict(parameters),
            "needs": {p: {**vars(run), "folder": os.fspath(run.folder)} for p, run in needs.items()},
            "options": dict(options),
        }
        with self._lock:
            if self._stopped:
                raise RunFailedError(f"{notebook} was not run")
            # A session of its own: the terminal's Ctrl-C goes to us alone, and we tell the child. What it then says
            # about a kernel that died is dropped with its stderr; only a progress bar needs the real one.
            process = subprocess.Popen(
                [sys.executable, "-c", "from dfecs_lib.publishing.runs.apart import answer_order; answer_order()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None if options.get("progress") else subprocess.PIPE,
                text=True,
                cwd=folder,
                start_new_session=True,
            )
            self._processes.add(process)
        try:
            said, complaints = process.communicate(json.dumps(order))
        finally:
            with self._lock:
                if process.poll() is not None:
                    self._processes.discard(process)
        if complaints and not self._stopped:
            print(complaints, end="", file=sys.stderr)
        return _answer(said, f"{notebook} failed: its process ended with code {process.returncode}")


def _answer(said: str, otherwise: str) -> Run:
    try:
        answer = json.loads(said)
    except ValueError:
        raise RunFailedError(otherwise) from None
    if "failed" in answer:
        raise RunFailedError(answer["failed"])
    if "refused" in answer:
        raise DfecsError(answer["refused"])
    return Run(**{**answer, "folder": Path(answer["folder"])})


def run_apart(notebook: str | os.PathLike[str], parameters: Mapping[str, object], **options: object) -> Run:
    """Do what `run_notebook` does, in a process of its own; options as it takes them, paths as text."""
    with Children() as children:
        return children.run(notebook, parameters, needs={}, options=options)


def answer_order() -> None:
    """Take an order in JSON from stdin, run it, write the run or its error to stdout: the other side of `Children`."""
    order = json.load(sys.stdin)
    # Its sockets may close while a message of the ended kernel is still on the way, which is nobody's business.
    logging.getLogger("tornado.general").setLevel(logging.CRITICAL)
    needs = {p: Run(**{**run, "folder": Path(run["folder"])}) for p, run in order["needs"].items()}
    answer: dict[str, object]
    try:
        run = run_notebook(order["notebook"], order["parameters"], needs=needs, **order["options"])
        answer = {**vars(run), "folder": os.fspath(run.folder)}
    except RunFailedError as error:
        answer = {"failed": str(error)}
    except DfecsError as error:
        answer = {"refused": str(error)}
    json.dump(answer, sys.stdout)
