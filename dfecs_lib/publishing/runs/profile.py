"""Profiles: which notebooks make a book, with which parameters, and which of them use another's results.

A profile file is YAML::

    demo:
      title: Two real clips and simulated faces
      data: [clips]                    # datasets of the manifest that must be on this machine
      optional: [frontalization-weights]   # those that are fetched where they can be, and done without where not
      notebooks:
        03_training:                   # the page's name; its notebook is 03_training.ipynb beside the file,
          notebook: 03_training.ipynb  # unless named
          parameters: {source: clips/WolfgangLanger_Pexels}
        04_dfecs_vs_pca:
          needs: {training: 03_training}   # parameter: the notebook whose results folder it is given
"""

from __future__ import annotations

import graphlib
import os
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from dfecs_lib.errors import DfecsError
from dfecs_lib.files import read_yaml
from dfecs_lib.publishing.runs.apart import Children
from dfecs_lib.publishing.runs.notebook import Run, RunFailedError, not_run
from dfecs_lib.publishing.runs.parameters import declared_parameters, read_notebook, resolve

__all__ = ["Profile", "Step", "load_profile", "profile_names", "run_profile"]


@dataclass(frozen=True)
class Step:
    """One notebook of a profile: page name, file, parameters, and parameter name -> step whose results it is given."""

    name: str
    notebook: Path
    parameters: Mapping[str, object]
    needs: Mapping[str, str]


@dataclass(frozen=True)
class Profile:
    """A named list of notebooks; `steps` come in an order in which none precedes what it needs."""

    name: str
    title: str
    data: tuple[str, ...]
    optional: tuple[str, ...]
    steps: tuple[Step, ...]


def _content(path: Path) -> dict[str, object]:
    return _mapping(read_yaml(path), f"{path}", None)


def _mapping(value: object, where: str, known: set[str] | None) -> dict[str, object]:
    if not isinstance(value, dict) or not all(isinstance(k, str) and k.isprintable() for k in value):
        raise DfecsError(f"{where}: a mapping of names is needed, not {value!r:.60}")
    unknown = sorted(set(value) - known) if known is not None else []
    if unknown:
        raise DfecsError(f"{where}: unknown {', '.join(map(repr, unknown))}; known: {', '.join(sorted(known or ()))}")
    return value


def profile_names(path: str | os.PathLike[str]) -> list[str]:
    """Return the names of the profiles in a file."""
    return list(_content(Path(path)))


def load_profile(name: str, path: str | os.PathLike[str]) -> Profile:
    """Read one profile and check it whole: notebooks, parameters and needs.

    Raises
    ------
    DfecsError
        If there is no such profile, a key, parameter or needed notebook is unknown, a notebook is missing, or needs
        go round in a circle.
    """
    file = Path(path)
    content = _content(file)
    if name not in content:
        raise DfecsError(f"no profile {name!r} in {file}; it has: {', '.join(content)}")
    where = f"{file}, {name}"
    entry = _mapping(content[name], where, {"title", "data", "optional", "notebooks"})
    listed = _mapping(entry.get("notebooks"), f"{where}, notebooks", None)
    steps = {n: _step(n, value, file.parent, f"{where}, {n}") for n, value in listed.items()}
    for step in steps.values():
        if missing := [need for need in step.needs.values() if need not in steps]:
            raise DfecsError(f"{where}, {step.name}: needs {', '.join(missing)}, not a notebook of this profile")
    try:
        order = list(graphlib.TopologicalSorter({n: set(s.needs.values()) for n, s in steps.items()}).static_order())
    except graphlib.CycleError as error:
        raise DfecsError(f"{where}: needs go round in a circle: {' -> '.join(error.args[1])}") from None
    data, optional = (_names(entry.get(key) or [], f"{where}, {key}") for key in ("data", "optional"))
    return Profile(name, str(entry.get("title", name)), data, optional, tuple(steps[n] for n in order))


def _names(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise DfecsError(f"{where}: a list of dataset names is needed, not {value!r:.60}")
    return tuple(_name(one, where) for one in value)


def _name(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise DfecsError(f"{where}: a name is needed, not {value!r:.60}")
    return value


def _step(name: str, value: object, folder: Path, where: str) -> Step:
    entry = _mapping(value or {}, where, {"notebook", "parameters", "needs"})
    notebook = folder / _name(entry.get("notebook", f"{name}.ipynb"), f"{where}, notebook")
    parameters = _mapping(entry.get("parameters") or {}, f"{where}, parameters", None)
    needs = {
        k: _name(v, f"{where}, needs") for k, v in _mapping(entry.get("needs") or {}, f"{where}, needs", None).items()
    }
    declared = declared_parameters(read_notebook(notebook), str(notebook))
    resolve(declared, {**parameters, **dict.fromkeys(needs, "")}, where)
    return Step(name, notebook, parameters, needs)


def run_profile(
    profile: Profile,
    *,
    runs: str | os.PathLike[str] = ".runs",
    folder: str | os.PathLike[str] | None = None,
    n_jobs: int | None = None,
    timeout: float | None = None,
    report: Callable[[str], None] | None = None,
) -> dict[str, Run]:
    """Run every notebook of a profile, independent ones at the same time.

    Parameters
    ----------
    profile : Profile
    runs, timeout
        See `run_notebook`.
    folder : path, optional
        In which notebooks are run, by default the current one; `runs` and the profile's paths are absolute then.
    n_jobs : int, optional
        Notebooks at a time; by default one for each core. Their numerical threads share the cores.
    report : callable, optional
        Is given a line when a notebook has finished.

    Returns
    -------
    dict
        Step name -> run.

    Raises
    ------
    RunFailedError
        If notebooks failed; those that do not need them have been run, and need not be run again.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    jobs = max(1, min(n_jobs or cores, len(profile.steps)))
    threads = max(1, cores // jobs)
    steps = {step.name: step for step in profile.steps}
    order = graphlib.TopologicalSorter({n: set(s.needs.values()) for n, s in steps.items()})
    order.prepare()
    done: dict[str, Run] = {}
    failed: list[str] = []
    running: dict[Future[Run], str] = {}
    with ThreadPoolExecutor(jobs) as pool, Children() as children:
        while True:
            for name in order.get_ready():
                step = steps[name]
                if any(need not in done for need in step.needs.values()):
                    order.done(name)  # not run, nor anything that needs it
                    continue
                needs = {parameter: done[need] for parameter, need in step.needs.items()}
                if lacking := [run.name for run in needs.values() if run.not_run]:
                    reason = f"it needs the results of {', '.join(lacking)}, which was not run."
                    done[name] = not_run(step.notebook, reason, runs=runs, name=name)
                    order.done(name)
                    if report is not None:
                        report(f"{name}: not run")
                    continue
                options = {"runs": os.fspath(runs), "name": name, "threads": threads, "timeout": timeout}
                work = pool.submit(
                    children.run, step.notebook, step.parameters, needs=needs, options=options, folder=folder
                )
                running[work] = name
            if not running:
                if order.is_active():
                    continue
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(future)
                order.done(name)
                try:
                    done[name] = future.result()
                    outcome = "unchanged" if done[name].cached else "done"
                    if done[name].not_run:
                        outcome = f"not run ({done[name].not_run})"
                except DfecsError as error:
                    failed.append(str(error))
                    outcome = "failed"
                if report is not None:
                    report(f"{name}: {outcome}")
    if failed:
        raise RunFailedError(" | ".join(failed))
    return {name: done[name] for name in steps}
