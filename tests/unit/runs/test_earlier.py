"""An earlier run is what its records say, wherever its files lie; or there is a reason why none begins with it."""

import json
from collections.abc import Callable

import pytest

from orchard.aws import clients
from orchard.errors import UsageError
from orchard.jobs.stages import VERSIONS
from orchard.layout import STAGES, RunFiles, run_files
from orchard.pipeline.origin import Origin
from orchard.runs.earlier import EarlierRun, read_earlier
from orchard.runs.found import ArchiveCounts
from tests.support.stored_run import FACTS, MODEL, RUN, Files, leave_run, put_all

pytestmark = pytest.mark.usefixtures("bucket")

COUNTS = ArchiveCounts(9, 1, 1, 0, 1, 6, len("unzip's"), 1, {"Test": 2, "Training": 4})


def earlier(files: Files, run: str = "r", stages: tuple[str, ...] = STAGES[:2]) -> EarlierRun:
    put_all(files, clients.s3())
    return read_earlier(clients.s3(), "out", run, stages)


def test_a_run_is_read_once() -> None:
    files = Files()
    leave_run(files)
    found = earlier(files)
    assert (found.files, found.origin, found.engine) == (RUN, Origin(), "onnxruntime")
    assert (found.model, found.counts, found.summary) == (MODEL, COUNTS, {"run_id": "r"})
    assert list(found.records) == ["unzip", "featurize"]
    assert list(earlier(files, stages=STAGES).records) == list(STAGES)
    refit = found.for_refit()
    assert refit.origin == Origin(features=RUN.base)
    assert (refit.archive, refit.counts, refit.model) == (FACTS["unzip"]["archive"], COUNTS, MODEL["id"])
    assert refit.uris == ["s3://in/fruits.zip"]


@pytest.mark.parametrize(
    ("origin", "refit"),
    [
        (Origin(features=RUN.base), Origin(features=RUN.base)),
        (Origin(images=RUN.base), Origin(images=RUN.base, features="s3://out/runs/second")),
        (Origin(images=RUN.base, known=RUN.base), Origin(images=RUN.base, features="s3://out/runs/second")),
        (Origin(components=RUN.base), Origin(features="s3://out/runs/second")),
    ],
)
def test_what_a_run_has_not_made_itself_is_looked_for_where_it_is(origin: Origin, refit: Origin) -> None:
    files = Files()
    leave_run(files)
    second = leave_run(files, run_files("out", "second"), origin)
    third = leave_run(files, run_files("out", "third"), refit)
    for run in (second, third):
        found = earlier(files, run.name)
        assert found.for_refit().origin == refit
        assert found.counts == COUNTS


def test_an_origin_is_found_by_its_name_in_the_bucket_in_which_the_run_is() -> None:
    files = Files()
    leave_run(files)
    leave_run(files, run_files("out", "second"), Origin(features=RUN.base))
    record = RunFiles("s3://out/runs/second").stage("pca")
    files.write_text(record, [files.texts[record].replace("s3://out/", "s3://elsewhere/")])
    assert earlier(files, "second").for_refit().origin == Origin(features=RUN.base)


def without(*uris: str) -> Callable[[Files], None]:
    def remove(files: Files) -> None:
        for uri in uris:
            files.delete(uri)

    return remove


def changed(uri: str, old: str, new: str) -> Callable[[Files], None]:
    return lambda files: files.write_text(uri, [files.texts[uri].replace(old, new)])


@pytest.mark.parametrize(
    ("harm", "words", "fix"),
    [
        (without(RUN.base), "There is no run r: nothing is in s3://out/runs/r/", "orchard runs"),
        (without(RUN.manifest), "The run r is not complete: .*it goes on, has failed", "orchard status r"),
        (
            lambda files: (files.delete(RUN.base), files.write_text("s3://out/deleted/r.json", ["{}"])),
            "The results of the run r were deleted",
            "orchard runs",
        ),
        (without(RUN.stage("unzip")), "results of r: .*unzip.json is missing", "orchard run ZIP"),
        (without(RUN.features), "results of r: .*features/part-00000.csv is missing", "orchard run ZIP"),
        (changed(f"{RUN.images}/part-00000.csv", "unzip", ""), "images/part-00000.csv has 2 bytes inst", "orchard run"),
        (changed(RUN.stage("featurize"), '"version": 1', '"version": 0'), "results of version 0", "orchard run ZIP"),
        (changed(RUN.stage("featurize"), '"features": 5', '"features": 4'), "do not balance: 6 images, 6 in", "run"),
        (changed(RUN.stats_table, "4", "5"), "books of the run r do not balance: 6 images, 7 in", "orchard run ZIP"),
    ],
)
def test_a_run_with_which_none_can_begin_is_refused(harm: Callable[[Files], object], words: str, fix: str) -> None:
    files = Files()
    leave_run(files)
    harm(files)
    with pytest.raises(UsageError, match=words) as refused:
        earlier(files)
    assert refused.value.next_command.startswith(fix) or fix in refused.value.next_command


def test_what_is_not_needed_need_not_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files()
    leave_run(files)
    files.delete(RUN.pca_model)
    monkeypatch.setitem(VERSIONS, "pca", 2)
    files.write_text(RUN.summary, ["no JSON"])
    assert earlier(files).summary == {}
    with pytest.raises(UsageError, match="The pca stage of this run is not complete"):
        earlier(files, stages=STAGES)


def test_a_record_of_anything_is_no_record() -> None:
    files = Files()
    leave_run(files)
    for text in ("7", "[]", "{}", json.dumps({"inputs": 7}), "{"):
        files.write_text(RUN.stage("pca"), [text])
        assert earlier(files).origin == Origin()
