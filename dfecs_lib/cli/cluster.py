"""Work sent to a running Dask cluster: the library's only parallel interface is joblib, and Dask a backend of it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import joblib

from dfecs_lib.errors import DfecsError

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["on_dask"]

_LOGGERS = ("distributed", "distributed.comm", "distributed.core", "distributed.client", "asyncio", "tornado")


@contextmanager
def on_dask(address: str, *, timeout: float = 5.0) -> Iterator[Client]:
    """Within the block, everything that runs through joblib runs on the workers of a Dask cluster.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``"tcp://127.0.0.1:8786"``; or the path of its scheduler file.
    timeout : float
        Seconds to wait for the scheduler, and for a first worker.

    Yields
    ------
    distributed.Client

    Raises
    ------
    DfecsError
        If the package ``distributed`` is missing, nobody answers at the address in time, the cluster has no workers, or
        a worker lacks this library or has another version of it.

    Examples
    --------
    >>> with on_dask("tcp://127.0.0.1:8786"):  # doctest: +SKIP
    ...     model = FullFaceModel().fit(motion)
    """
    try:
        import dask
        from distributed import Client
    except ImportError:
        raise DfecsError(
            "working on a Dask cluster needs the package distributed: pip install 'dask[distributed]'"
        ) from None
    scheduler = _address_of(address)
    with _quiet(), dask.config.set({"distributed.comm.timeouts.connect": f"{timeout}s"}):
        _check_scheduler(address, scheduler, timeout)
        client = Client(scheduler, timeout=timeout, set_as_default=False)  # type: ignore[no-untyped-call]
        try:
            _check_workers(client, scheduler, timeout)
            with joblib.parallel_config(backend="dask", client=client):
                yield client
        finally:
            client.close(timeout=timeout)  # type: ignore[no-untyped-call]


def _address_of(place: str) -> str:
    """Return the scheduler's address from an address, or from a scheduler file."""
    file = Path(place)
    if "://" not in place and (file.suffix == ".json" or file.exists()):
        if not file.is_file():
            raise DfecsError(f"{place}: no such scheduler file; give the one that 'dask scheduler' wrote")
        try:
            return str(json.loads(file.read_text(encoding="utf-8"))["address"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DfecsError(f"{place}: not a scheduler file; give the one that 'dask scheduler' wrote") from error
    scheme, _, rest = place.rpartition("://")
    host, _, port = rest.rpartition(":")
    # Dask would take anything else for a host's name, and wait.
    if scheme not in ("", "tcp", "tls", "ws", "wss") or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise DfecsError(f"{place}: no address of a Dask scheduler; give one such as tcp://127.0.0.1:8786, or its file")
    return place


async def _kind_of(address: str, timeout: float) -> str:
    from distributed.core import rpc

    async with rpc(address, timeout=timeout) as there:  # type: ignore[no-untyped-call]
        identity = await asyncio.wait_for(there.identity(), timeout)
    return str(identity.get("type"))


def _check_scheduler(place: str, address: str, timeout: float) -> None:
    """Ask who answers at the address; a client of Dask's own would wait for a silent one without end."""
    try:
        # In a thread of its own, since a notebook's thread runs an event loop already.
        with ThreadPoolExecutor(1) as thread:
            kind = thread.submit(asyncio.run, _kind_of(address, timeout)).result()
    except Exception as error:  # whatever it is that listens there may answer anything
        hint = "is 'dask scheduler' running there, and may this machine reach it?"
        raise DfecsError(f"{place}: no Dask scheduler answers there; {hint}") from error
    if kind != "Scheduler":
        raise DfecsError(
            f"{place}: a Dask {kind.lower()} answers there, not the scheduler; give the scheduler's address"
        )


def _check_workers(client: Client, address: str, timeout: float) -> None:
    """Ask every worker for its version of this library, before any data are sent."""
    import dfecs_lib

    try:
        client.wait_for_workers(1, timeout=timeout)
    except TimeoutError:
        raise DfecsError(f"{address}: the Dask cluster has no workers; start some: dask worker {address}") from None

    def version() -> str:  # sent by value, for workers that lack the library
        import importlib

        try:
            return str(importlib.import_module("dfecs_lib").__version__)
        except ImportError:
            return "none"

    found = client.run(version)
    other = {worker: has for worker, has in found.items() if has != dfecs_lib.__version__}
    if other:
        worker, has = next(iter(other.items()))
        raise DfecsError(
            f"{address}: {len(other)} of {len(found)} Dask workers do not have dfecs_lib {dfecs_lib.__version__} "
            f"({worker} has {has}); install the same version for all"
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's own reports of connections that end to itself; what went wrong is said in an error."""
    before = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
