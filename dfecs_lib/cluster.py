"""Work sent to a running Dask cluster: the library's only parallel interface is joblib, and Dask a backend of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
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
        from distributed import Client
    except ImportError:
        raise DfecsError(
            "working on a Dask cluster needs the package distributed: pip install 'dask[distributed]'"
        ) from None
    with _quiet():
        client = _connected(Client, address, timeout)
        try:
            _check_workers(client, address, timeout)
            with joblib.parallel_config(backend="dask", client=client):
                yield client
        finally:
            client.close(timeout=timeout)  # type: ignore[no-untyped-call]


def _connected(kind: type[Client], address: str, timeout: float) -> Client:
    file = Path(address)
    where: dict[str, object] = {"address": address}
    if "://" not in address and (file.suffix == ".json" or file.exists()):
        if not file.is_file():
            raise DfecsError(f"{address}: no such scheduler file; give the one that 'dask scheduler' wrote")
        try:
            json.loads(file.read_text(encoding="utf-8"))["address"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DfecsError(f"{address}: not a scheduler file; give the one that 'dask scheduler' wrote") from error
        where = {"scheduler_file": str(file)}
    else:
        _check_address(address)
    try:
        return kind(**where, timeout=timeout, set_as_default=False)
    except (OSError, TimeoutError, ValueError, KeyError, TypeError, RuntimeError) as error:
        hint = "is 'dask scheduler' running there, and may this machine reach it? (as in tcp://127.0.0.1:8786)"
        raise DfecsError(f"{address}: no Dask scheduler answers there; {hint}") from error


def _check_address(address: str) -> None:
    """Refuse what is no address; Dask would take it for a host's name, and wait."""
    scheme, _, place = address.rpartition("://")
    host, _, port = place.rpartition(":")
    if scheme not in ("", "tcp", "tls", "ws", "wss") or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise DfecsError(
            f"{address}: no address of a Dask scheduler; give one such as tcp://127.0.0.1:8786, or its file"
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
