"""Every set of units is a scikit-learn transformer: its own checks, pandas output, pipelines, parameters."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from dfecs_lib.baselines import FACSUnits, PCAUnits
from dfecs_lib.ffm import FullFaceModel, PartFaceModel

#: What cannot apply, and why.
EXPECTED = {
    "FullFaceModel(parts='single')": {
        "check_sample_weight_equivalence_on_dense_data": "among the candidates are frames drawn from the training "
        "data, so that repeated rows may lead to another local minimum than weighted ones",
    },
    "PartFaceModel(alpha=0.1, n_atoms=3)": {
        "check_sample_weight_equivalence_on_dense_data": "among several starts are rows drawn from the training data, "
        "so that repeated rows may lead to another local minimum than weighted ones",
    },
}
MODELS = [
    PartFaceModel(),
    PartFaceModel(n_atoms=3, alpha=0.1),
    FullFaceModel(parts="single"),
    FullFaceModel.paper(parts="single"),
    FullFaceModel(parts="single", encoder="direct"),
    FullFaceModel(parts="single", encoder="sparse", max_units=4),
    PCAUnits(),
]


@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::sklearn.exceptions.SkipTestWarning"
)
@parametrize_with_checks(MODELS, expected_failed_checks=lambda model: EXPECTED.get(repr(model), {}))
def test_checks_of_scikit_learn(estimator: BaseEstimator, check: object) -> None:
    check(estimator)  # type: ignore[operator]


def test_pandas_output_and_pipelines(motion: pd.DataFrame) -> None:
    model = FullFaceModel(n_units=3, n_atoms=2, alpha=1.0)
    codes = make_pipeline(model).fit(motion).transform(motion)
    assert list(codes.columns) == ["U01", "U02", "U03"]
    framed = clone(model).set_output(transform="pandas").fit(motion.to_numpy()).transform(motion.to_numpy())
    assert isinstance(framed, pd.DataFrame)
    assert list(framed.columns) == ["U01", "U02", "U03"]
    assert np.array_equal(framed.to_numpy(), codes.to_numpy())


def test_single_precision_stays_single(motion: pd.DataFrame) -> None:
    single = motion.to_numpy(np.float32)
    for model in (FullFaceModel(n_units=3, n_atoms=2, alpha=1.0), PCAUnits(3)):
        codes = model.fit(single).transform(single)
        assert codes.dtype == np.float32
        assert model.inverse_transform(codes).dtype == np.float32


def test_equal_weights_change_nothing(motion: pd.DataFrame) -> None:
    plain = FullFaceModel(n_units=3, n_atoms=2, alpha=1.0).fit(motion)
    equal = FullFaceModel(n_units=3, n_atoms=2, alpha=1.0).fit(motion, sample_weight=np.full(len(motion), 7.0))
    assert np.allclose(plain.components_, equal.components_, atol=1e-6)


def test_progress_bars_are_shown_only_when_asked(motion: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    loud = FullFaceModel(n_units=2, n_atoms=1, alpha=1.0, progress=True).fit(motion)
    assert "parts" in capsys.readouterr().err
    quiet = FullFaceModel(n_units=2, n_atoms=1, alpha=1.0).fit(motion)
    assert capsys.readouterr() == ("", "")
    assert np.array_equal(loud.components_, quiet.components_)


@pytest.mark.parametrize("model", [FullFaceModel, PartFaceModel, PCAUnits, FACSUnits])
def test_documented_parameters_are_those_of_the_signature(model: type) -> None:
    text = inspect.getdoc(model) or ""
    section = text.split("Parameters\n----------\n")[1].split("\n\n")[0]
    documented = [
        name for line in re.findall(r"^([a-z].*?) :", section, flags=re.M | re.I) for name in line.split(", ")
    ]
    signature = [name for name in inspect.signature(model.__init__).parameters if name != "self"]
    assert sorted(documented) == sorted(signature)
