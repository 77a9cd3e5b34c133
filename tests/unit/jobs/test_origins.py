"""A stage that an earlier run has done stands for a run's own, as long as it is whole there."""

import json

import pytest

from orchard.errors import UsageError
from orchard.jobs.stages import VERSIONS, Stage, StageRecord, is_published, publish, require_records
from orchard.layout import STAGES, RunFiles
from orchard.pipeline.origin import Origin
from tests.support.stored_run import RUN, Files, do_all, required, stage


@pytest.fixture
def files() -> Files:
    return Files()


OWN = RunFiles("s3://out/runs/own")
OF_BOTH = Origin(features=RUN.base)


def refit(files: Files, origin: Origin = OF_BOTH) -> list[StageRecord]:
    return require_records(files, OWN, STAGES[:2], origin)  # type: ignore[arg-type]


def test_the_records_of_stages_that_an_earlier_run_has_done_are_read_there(files: Files) -> None:
    do_all(files)
    assert refit(files) == required(files, "unzip", "featurize")
    with pytest.raises(UsageError, match="The unzip stage of this run is not complete"):
        refit(files, Origin())
    with pytest.raises(UsageError, match="The unzip stage of the run gone, with which this one begins, is not") as told:
        refit(files, Origin(images="s3://out/runs/gone", features=RUN.base))
    assert told.value.next_command == "orchard run ZIP --fresh"


@pytest.mark.parametrize(
    ("gone", "fault"),
    [
        (RUN.stage("featurize"), "featurize.json is missing or incomplete"),
        (RUN.features, "features/part-0.parquet is missing"),
        (RUN.stats, "stats/part-0.parquet is missing"),
    ],
)
def test_an_origin_of_which_something_is_gone_is_none(files: Files, gone: str, fault: str) -> None:
    do_all(files)
    files.delete(gone)
    with pytest.raises(UsageError, match=f"stage of the run r, with which this one begins.*{fault}"):
        refit(files)


def test_what_another_release_computes_otherwise_is_neither_kept_nor_begun_with(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    do_all(files)
    monkeypatch.setitem(VERSIONS, "featurize", 2)
    assert stage(files, "featurize", unzip=required(files, "unzip")[0].completed).completed() is None
    with pytest.raises(UsageError, match="results of version 1, and this release computes version 2"):
        refit(files)


def test_a_record_without_a_version_is_of_the_first(files: Files) -> None:
    do_all(files)
    record = json.loads(files.texts[RUN.stage("unzip")])
    assert record.pop("version") == 1
    files.write_text(RUN.stage("unzip"), [json.dumps(record)])
    assert refit(files)[0].version == 1


def test_a_run_is_not_published_when_its_origin_has_gone_meanwhile(files: Files) -> None:
    do_all(files)
    own = Stage(files, OWN, "pca", {"featurize": refit(files)[1].completed, **OF_BOTH.as_input})  # type: ignore[arg-type]
    own.start()
    own.complete({}, {"projected": 1})
    publish(files, OWN, "own", OF_BOTH)  # type: ignore[arg-type]
    assert is_published(files, OWN)  # type: ignore[arg-type]
    files.delete(RUN.features)
    with pytest.raises(UsageError, match="The featurize stage of the run r"):
        publish(files, OWN, "own", OF_BOTH)  # type: ignore[arg-type]
    assert not is_published(files, OWN)  # type: ignore[arg-type]
