"""The same units from a Dask cluster of two worker processes as from threads."""

from __future__ import annotations

from collections.abc import Iterator

import joblib
import numpy as np
import pandas as pd
import pytest

from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.ffm.selection import select_n_units

from .conftest import motion_of

pytestmark = [
    # Dask's own shutting down of sockets and event loops.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed", "ignore::UserWarning:distributed"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[object]:
    distributed = pytest.importorskip("dask.distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
        ) as started,
        distributed.Client(started) as client,
    ):
        yield client


def test_search_and_selection_give_the_same_bytes(cluster: object) -> None:
    motion: pd.DataFrame = motion_of(240, n_units=4, noise=0.3)
    subject = np.repeat(list("abcd"), 60)
    model = FullFaceModel(n_units=3, part_variance=0.9, encoder="direct")
    here = model.fit(motion).components_
    chosen = select_n_units(motion, [2, 3], groups=subject, model=model, n_resamples=2)
    with joblib.parallel_config(backend="dask"):
        there = FullFaceModel(**model.get_params()).fit(motion).components_
        also = select_n_units(motion, [2, 3], groups=subject, model=model, n_resamples=2)
    assert here.tobytes() == there.tobytes()
    pd.testing.assert_frame_equal(chosen.table, also.table)
    ran = cluster.run(lambda dask_worker: len(dask_worker.state.log))  # type: ignore[attr-defined]
    assert len(ran) == 2
    assert all(ran.values())
