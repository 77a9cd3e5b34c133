"""The origin of a run says which stages are left to do, and where the files of the others lie."""

import pytest

from orchard.layout import RunFiles
from orchard.pipeline.origin import Origin

OWN = RunFiles("s3://out/runs/own")


@pytest.mark.parametrize(
    ("origin", "stages", "unzipped", "featurized"),
    [
        (Origin(), ("unzip", "featurize", "pca"), "own", "own"),
        (Origin(images="s3://out/runs/i"), ("featurize", "pca"), "i", "own"),
        (Origin(features="s3://out/runs/f"), ("pca",), "f", "f"),
        (Origin(images="file:///i", features="s3://out/runs/f/"), ("pca",), "i", "f"),
        (Origin(components="s3://out/runs/c", known="s3://out/runs/k"), ("unzip", "featurize", "pca"), "own", "own"),
    ],
)
def test_where_files_lie(origin: Origin, stages: tuple[str, ...], unzipped: str, featurized: str) -> None:
    assert origin.stages == stages
    assert [origin.files(stage, OWN).name for stage in ("unzip", "featurize", "pca")] == [unzipped, featurized, "own"]


def test_it_is_read_from_whatever_is_there_and_named_by_runs() -> None:
    origin = Origin.from_data({"images": "s3://out/runs/i", "features": 7, "colour": "s3://out/runs/c"})
    assert origin == Origin(images="s3://out/runs/i")
    assert (origin.named, origin.runs) == ({"images": "s3://out/runs/i"}, {"images": "i"})
    assert origin
    assert not Origin.from_data(None)
