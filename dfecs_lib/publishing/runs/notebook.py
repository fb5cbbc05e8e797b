"""One notebook by papermill: cached by its key, and written whole or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dfecs_lib.errors import AbsentDataError, DfecsError
from dfecs_lib.files import clear_stale, replace_folder
from dfecs_lib.publishing.runs.keys import data_names, fingerprint, run_key
from dfecs_lib.publishing.runs.parameters import declared_parameters, read_notebook, resolve

__all__ = ["NOT_RUN", "RESULTS_PARAMETER", "Run", "RunFailedError", "not_run", "run_notebook"]

#: The parameter by which a notebook learns where to put its results.
RESULTS_PARAMETER = "results_dir"
#: The only result of a notebook that was not run: why not.
NOT_RUN = "not_run"
_BARE_HEADING = re.compile(r"\s*##+ [^\n]+\s*")
_MARK = "run.json"  # written last: a folder with it is whole


class RunFailedError(DfecsError):
    """A notebook stopped with an error; the message says where, and which file shows it."""

    exit_code = 1  # of the command line: the input was sound, the notebook is not


@dataclass(frozen=True)
class Run:
    """A finished run.

    Parameters
    ----------
    name : str
        The notebook's name without suffix, or the one given.
    key : str
        See `dfecs_lib.publishing.runs.run_key`.
    folder : Path
        Holds ``<name>.ipynb`` and ``results/``.
    cached : bool
        Whether it was there already.
    not_run : str
        Why it was not run: data that are not on this machine. Its notebook then says so, and has no results.
    """

    name: str
    key: str
    folder: Path
    cached: bool
    not_run: str = ""

    @property
    def notebook(self) -> Path:
        """The executed notebook."""
        return self.folder / f"{self.name}.ipynb"

    @property
    def results(self) -> Path:
        """The folder of its results."""
        return self.folder / "results"


def run_notebook(
    notebook: str | os.PathLike[str],
    parameters: Mapping[str, object] | None = None,
    *,
    runs: str | os.PathLike[str] = ".runs",
    needs: Mapping[str, Run] | None = None,
    name: str | None = None,
    threads: int = 1,
    timeout: float | None = None,
    force: bool = False,
    progress: bool = False,
) -> Run:
    """Execute a notebook, or return the run that is already there.

    Parameters
    ----------
    notebook : path
        An ``.ipynb`` whose cell tagged ``parameters`` declares what may be given. If it declares ``results_dir``, it
        is given a folder for its results there.
    parameters : mapping, optional
        Values; text is converted to the default's type.
    runs : path
        Where runs are kept: ``<runs>/<name>/<key>/``.
    needs : mapping, optional
        Parameter name -> the run whose results folder it is given. Its key enters this run's.
    name : str, optional
        Of the run; by default the notebook's.
    threads : int
        Threads that numerical libraries may use in the kernel.
    timeout : float, optional
        Seconds a cell may take.
    force : bool
        Execute even when there is a run.
    progress : bool
        Show a progress bar over the cells.

    Raises
    ------
    RunFailedError
        If a cell raises anything but `AbsentDataError` (see `Run`), the kernel dies or a cell takes too long. What
        was run until then is left as ``<runs>/<name>.failed.ipynb``.
    DfecsError
        If the notebook cannot be read or a parameter is unknown or of the wrong type.

    Notes
    -----
    The current folder is the kernel's, so that relative paths mean what they mean on the command line.
    """
    file = Path(notebook)
    label = name or file.stem
    cells = read_notebook(file)
    declared = declared_parameters(cells, str(file))
    upstream = dict(needs or {})
    for reserved in (RESULTS_PARAMETER, *upstream):
        if reserved in (parameters or {}):
            raise DfecsError(f"{file}: the parameter {reserved!r} is set by the runner and cannot be given")
    given = resolve(declared, parameters or {}, str(file))
    resolve(declared, dict.fromkeys(upstream, ""), str(file))
    data = data_names(value for p, value in {**declared, **given}.items() if p != RESULTS_PARAMETER)
    key = run_key(cells, given, data, {p: run.key for p, run in upstream.items()})
    target = Path(runs) / label / key
    clear_stale(target.parent, ".*")  # of runs that were killed, whatever their key
    if _whole(target) and not force:
        return Run(label, key, target, cached=True)
    work = target.with_name(f".{key}.{os.getpid()}")
    shutil.rmtree(work, ignore_errors=True)
    failed = Path(runs) / f"{label}.failed.ipynb"
    try:
        (work / "results").mkdir(parents=True)
        values = {**given, **{p: str(run.results.resolve()) for p, run in upstream.items()}}
        if RESULTS_PARAMETER in declared:
            values[RESULTS_PARAMETER] = str((work / "results").resolve())
        output = work / f"{label}.ipynb"
        peaks: list[int] = []
        problem = _execute(
            file, output, values, threads=threads, timeout=timeout, progress=progress, on_end=peaks.append
        )
        if isinstance(problem, AbsentDataError):
            return not_run(file, str(problem), runs=runs, name=label)
        if problem is not None:
            if output.exists():
                output.replace(failed)
            where = f"; {failed} shows it" if failed.exists() else ""
            raise RunFailedError(f"{label} failed {problem}{where}")
        known = {
            "peak_memory": max(peaks, default=None),
            "data": [source for source in dict.fromkeys(data) if fingerprint(source) is not None],
            "needs": [run.name for run in upstream.values()],
        }
        _tidy(output, file.name, given, known)
        (work / _MARK).write_text(json.dumps({"name": label, "key": key, "parameters": given}, indent=1) + "\n")
        if force or not _whole(target):  # else another process made the same run meanwhile
            replace_folder(work, target)
    except OSError as error:
        raise DfecsError(f"{runs}: runs cannot be kept here ({error.strerror or error})") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    failed.unlink(missing_ok=True)
    return Run(label, key, target, cached=False)


def not_run(
    notebook: str | os.PathLike[str], reason: str, *, runs: str | os.PathLike[str] = ".runs", name: str | None = None
) -> Run:
    """Write what stands in for a run that cannot be made here: the notebook without outputs, which says why.

    Parameters
    ----------
    notebook : path
    reason : str
        A sentence.
    runs, name
        As for `run_notebook`.
    """
    file = Path(notebook)
    label = name or file.stem
    content = json.loads(file.read_text(encoding="utf-8"))
    note = {"cell_type": "markdown", "id": "not-run", "metadata": {}, "source": f":::{{note}}\nNot run: {reason}\n:::"}
    for cell in content["cells"]:  # a heading that only stands over results would stand over nothing
        if cell["cell_type"] == "markdown" and _BARE_HEADING.fullmatch(text := "".join(cell["source"])):
            cell["source"] = f"{text.rstrip()}\n\n*Not run: only the code of this section is here.*"
    content["cells"].insert(1, note)
    declared = declared_parameters(read_notebook(file), str(file))
    named = data_names(value for parameter, value in declared.items() if parameter != RESULTS_PARAMETER)
    data = [source for source in dict.fromkeys(named) if fingerprint(source) is not None]
    content["metadata"]["dfecs"] = {NOT_RUN: reason, "data": data, "needs": []}
    folder = Path(runs) / label / "not-run"
    work = folder.with_name(f".not-run.{os.getpid()}")
    shutil.rmtree(work, ignore_errors=True)
    (work / "results").mkdir(parents=True)
    (work / "results" / "results.json").write_text(json.dumps({NOT_RUN: reason}) + "\n", encoding="utf-8")
    page = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    (work / f"{label}.ipynb").write_text(page, encoding="utf-8")
    replace_folder(work, folder)
    return Run(label, NOT_RUN, folder, cached=False, not_run=reason)


def _whole(folder: Path) -> bool:
    return (folder / _MARK).is_file()


def _execute(
    file: Path,
    output: Path,
    values: Mapping[str, object],
    *,
    threads: int,
    timeout: float | None,
    progress: bool,
    on_end: Callable[[int], None],
) -> str | AbsentDataError | None:
    """Run the notebook; return None, where and why it failed, or what data it lacks."""
    try:
        from nbclient.exceptions import CellTimeoutError, DeadKernelError
        from papermill import execute_notebook
        from papermill.exceptions import PapermillExecutionError

        from dfecs_lib.publishing.runs.kernel import kernel_manager
    except ImportError as error:
        raise DfecsError(
            f"running notebooks needs the package {error.name!r}, which is not installed: pip install 'dfecs_lib[book]'"
        ) from None
    try:
        execute_notebook(
            str(file),
            str(output),
            parameters=dict(values),
            kernel_name="python3",
            language="python",
            progress_bar=progress,
            execution_timeout=timeout,
            kernel_manager_class=kernel_manager(threads, on_end),
        )
    except PapermillExecutionError as error:
        if error.ename == AbsentDataError.__name__:
            return AbsentDataError(error.evalue)
        reason = re.sub(r"\s+", " ", f"{error.ename}: {error.evalue}").strip()
        return f"in cell [{error.exec_count}] ({reason})"
    except CellTimeoutError:
        return f"since a cell took longer than {timeout:g} s"
    except DeadKernelError:
        return "since its kernel died (out of memory?)"
    return None


def _tidy(output: Path, source: str, given: Mapping[str, object], known: Mapping[str, object]) -> None:
    """Keep folders of this machine out of the executed notebook: they are not the reader's, and say nothing.

    What is known of the run beside papermill's own notes (memory, data, other runs it used) goes in under ``dfecs``.
    """
    content = json.loads(output.read_text(encoding="utf-8"))
    content["metadata"]["dfecs"] = dict(known)
    content["metadata"].get("papermill", {}).update(
        {"parameters": dict(given), "input_path": source, "output_path": output.name, "environment_variables": {}}
    )
    shown = "\n".join(["# Parameters", *(f"{name} = {value!r}" for name, value in given.items())])
    cells = []
    for cell in content["cells"]:
        if "injected-parameters" in cell["metadata"].get("tags", []):
            if not given:
                continue
            cell["source"] = shown
        cells.append(cell)
    content["cells"] = cells
    output.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
