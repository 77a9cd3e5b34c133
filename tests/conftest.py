"""Fixtures that more than one part of the tests uses."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore import loaders
from hypothesis import HealthCheck, settings

from orchard.features.model import ModelFolder
from tests.support.pictures.models import exported

# a machine with other work to do is slow, and that is no fault of the code
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture(scope="session", autouse=True)
def _services_are_described_once() -> Iterator[None]:
    """Each session reads the descriptions of AWS's services anew, which is most of what a test with moto does."""
    cache: dict[Any, Any] = {}
    initialise = loaders.Loader.__init__

    def remember(loader: loaders.Loader, *arguments: Any, **named: Any) -> None:  # noqa: ANN401
        initialise(loader, *arguments, **named)
        vars(loader)["_cache"] = cache

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loaders.Loader, "__init__", remember)
        yield


@pytest.fixture(scope="session")
def model_cache(pytestconfig: pytest.Config) -> Path:
    """Where exported models are kept between runs; `pytest --cache-clear` empties it."""
    return pytestconfig.cache.mkdir("orchard-models")


@pytest.fixture(scope="session")
def random_model(model_cache: Path) -> ModelFolder:
    """A complete model with random weights. Exporting it takes half a minute, once."""
    return exported("random", model_cache)


@pytest.fixture(scope="session")
def made_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small run of drawn fruit, `fruits-0123456789ab`, and its model, `model`."""
    from tests.support.pictures.drawn import fruit_members
    from tests.support.small_run import small_model, small_run

    folder = tmp_path_factory.mktemp("made")
    small_run(folder / "fruits-0123456789ab", fruit_members(), small_model(folder / "model"))
    return folder


@pytest.fixture
def small(made_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of that run, to be spoiled, with its model in a cache that holds nothing else."""
    from orchard import cache

    monkeypatch.setenv("ORCHARD_HOME", str(tmp_path / "home"))
    shutil.copytree(made_run / "model", cache.models_dir() / "small")
    return Path(shutil.copytree(made_run / "fruits-0123456789ab", tmp_path / "fruits-0123456789ab"))
