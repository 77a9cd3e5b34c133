"""One local cloud for all rows of a module: they follow one another, each with an archive of its own."""

from collections.abc import Iterator

import pytest

from orchard.local.cloud import LocalCloud
from tests.integration.faults.pipeline import Pipeline, small_stack
from tests.integration.faults.timing import quick_pauses, unhurried_starts
from tests.support.cloud.in_process import InProcessRunner


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    stack, home = small_stack(tmp_path_factory.mktemp("layer")), tmp_path_factory.mktemp("home")
    with quick_pauses(), unhurried_starts(), LocalCloud(stack, home, runner=InProcessRunner, cores=1) as cloud:
        yield Pipeline(cloud)
