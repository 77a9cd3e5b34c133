"""Fixtures that more than one part of the tests uses."""

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
