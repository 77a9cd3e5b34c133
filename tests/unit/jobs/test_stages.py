"""When a stage counts as complete: its record is whole, and exactly what it names is there."""

import json
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from orchard.errors import UsageError
from orchard.jobs.stages import BooksDoNotBalanceError, StageTakenOverError, is_published, publish
from orchard.layout import STAGES
from tests.support.stored_run import RUN, Files, do, do_all, end, reported, required, stage, write


@pytest.fixture
def files() -> Files:
    return Files()


def test_a_complete_stage_is_found_again_by_the_same_inputs_only(files: Files) -> None:
    record = do(files)
    assert stage(files).completed() == record
    assert stage(files, archive="s3://in/fruits.zip", version_id="v2").completed() is None
    assert required(files, "unzip") == [record]


def test_a_record_tells_how_long_the_stage_took(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 112.3456])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    assert do(files).seconds == 12.346


def test_a_record_names_every_file_but_those_that_readers_pass_over(files: Files) -> None:
    record = do(files)
    tables = ("images", "metadata", "stats", "ignored")
    names = ("rejected/part-unzip.csv", *(f"{table}/part-0.parquet" for table in tables))
    assert record.files == dict.fromkeys(names, 7)
    assert record.parts(RUN, RUN.images) == {f"{RUN.images}/part-0.parquet": 7}
    fitted = replace(record, files={"pca_model/data/part-0.parquet": 3})
    assert fitted.parts(RUN, RUN.components) == {}, "pca_model/ is not in pca/"


@pytest.mark.parametrize("name", STAGES)
def test_folders_that_look_full_are_nothing_without_a_record(files: Files, name: str) -> None:
    write(files, name)
    assert stage(files, name).completed() is None
    with pytest.raises(UsageError, match=r"is not complete: s3://out/runs/r/_stages/unzip.json is missing"):
        required(files)


@pytest.mark.parametrize("name", STAGES)
def test_a_record_cut_short_anywhere_is_none(files: Files, name: str) -> None:
    do_all(files)
    whole = files.texts[RUN.stage(name)]
    inputs = json.loads(whole)["inputs"]
    assert stage(files, name, **inputs).completed() is not None
    for length in range(len(whole)):
        files.texts[RUN.stage(name)] = whole[:length]
        assert stage(files, name, **inputs).completed() is None
        with pytest.raises(UsageError, match=f"The {name} stage of this run is not complete"):
            required(files)


@pytest.mark.parametrize("text", ["[]", "7", "null", "{}", '{"stage": "unzip"}', '{"colour": "red"}', '"words"'])
def test_a_record_of_another_shape_is_none(files: Files, text: str) -> None:
    do(files)
    files.texts[RUN.stage("unzip")] = text
    assert stage(files).completed() is None


FAULTS = {
    "images/part-0.parquet is missing": lambda files: files.delete(f"{RUN.images}/part-0.parquet"),
    "images/part-0.parquet has 3 bytes instead of 7": lambda files: files.write_text(
        f"{RUN.images}/part-0.parquet", ["cut"]
    ),
    "images/part-1.parquet was written by another job than the one that completed the stage": lambda files: (
        files.write_text(f"{RUN.images}/part-1.parquet", [""])
    ),
    "rejected/part-unzip.csv is missing": lambda files: files.delete(RUN.rejected),
    "metadata/part-0.parquet is missing": lambda files: files.delete(RUN.metadata),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_record_without_exactly_its_files_is_none(files: Files, fault: str) -> None:
    do_all(files)
    FAULTS[fault](files)
    assert stage(files).completed() is None
    with pytest.raises(UsageError, match="The unzip stage of this run is not complete") as failure:
        required(files, "unzip", "featurize")
    assert failure.value.cause == fault


def test_what_a_task_left_that_was_tried_again_is_removed(files: Files) -> None:
    working = stage(files)
    working.start()
    write(files, "unzip")
    write(files, "unzip", "part-of-a-lost-node.parquet")
    working.complete(working.written({RUN.images: reported(files, "unzip")}), {"images": 1})
    assert f"{RUN.images}/part-of-a-lost-node.parquet" not in files.texts
    assert f"{RUN.images}/part-0.parquet" in files.texts
    assert f"{RUN.metadata}/part-of-a-lost-node.parquet" in files.texts, "only the tasks' own table is cleaned"
    assert stage(files).completed() is not None


@pytest.mark.parametrize(
    "lose",
    [
        lambda files: files.delete(f"{RUN.images}/part-0.parquet"),
        lambda files: files.write_text(f"{RUN.images}/part-0.parquet", ["cut"]),
    ],
    ids=["gone", "cut short"],
)
def test_a_stage_that_lost_a_file_of_its_tasks_does_not_complete(files: Files, lose: Callable[[Files], None]) -> None:
    working = stage(files)
    working.start()
    write(files, "unzip")
    parts_of_tasks = reported(files, "unzip")
    lose(files)
    with pytest.raises(BooksDoNotBalanceError, match=r"images/part-0.parquet is missing or incomplete"):
        working.written({RUN.images: parts_of_tasks})


def test_a_job_that_lost_the_stage_removes_nothing(files: Files) -> None:
    slow = stage(files)
    slow.start()
    stage(files).start()
    write(files, "unzip", "part-of-the-other.parquet")
    with pytest.raises(StageTakenOverError):
        slow.written({RUN.images: []})
    assert f"{RUN.images}/part-of-the-other.parquet" in files.texts


def test_what_readers_pass_over_is_no_fault(files: Files) -> None:
    do(files)
    files.delete(f"{RUN.images}/_SUCCESS")
    files.write_text(f"{RUN.images}/_temporary/0/task/part-7.parquet", ["rest of a killed job"])
    files.write_text(f"{RUN.images}/.part-0.parquet.crc", ["Hadoop's sum of it"])
    files.write_text(RUN.rejected_by("featurize"), ["another stage's"])
    assert stage(files).completed() is not None


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_that_starts_takes_back_what_was_said_and_written(files: Files, name: str) -> None:
    do_all(files)
    assert is_published(files, RUN)  # type: ignore[arg-type]
    stage(files, name).start()
    for gone in (RUN.manifest, RUN.summary, RUN.report, RUN.stage(name), *RUN.outputs(name)):
        assert not [uri for uri in files.texts if uri == gone or uri.startswith(f"{gone}/")]
    others = [other for other in STAGES if other != name]
    assert all(RUN.stage(other) in files.texts for other in others)


def test_a_stage_made_of_an_earlier_completion_is_not_complete(files: Files) -> None:
    do_all(files)
    do(files)
    with pytest.raises(UsageError, match="featurize stage of this run is not complete: the unzip stage was run again"):
        required(files)


def test_of_two_jobs_at_once_only_the_one_that_began_last_completes(files: Files) -> None:
    first, second = stage(files), stage(files)
    first.start()
    write(files, "unzip")
    second.start()
    write(files, "unzip")
    with pytest.raises(StageTakenOverError, match="Another job has begun the unzip stage"):
        end(files, first)
    with pytest.raises(StageTakenOverError):
        first.complete({}, {})
    assert stage(files).completed() is None
    record = end(files, second)
    assert stage(files).completed() == record


def test_what_a_job_adds_that_lost_the_stage_undoes_it(files: Files) -> None:
    first, second = stage(files), stage(files)
    first.start()
    second.start()
    write(files, "unzip")
    end(files, second)
    write(files, "unzip", "part-0-of-the-first.parquet")
    assert stage(files).completed() is None


def test_a_run_is_published_only_with_all_that_the_manifest_lists(files: Files) -> None:
    do_all(files)
    assert is_published(files, RUN)  # type: ignore[arg-type]
    files.write_text(RUN.end_notice("r"), ["written later by somebody else"])
    assert is_published(files, RUN)  # type: ignore[arg-type]
    files.delete(RUN.report)
    assert not is_published(files, RUN)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"files": [{}]}', '{"files": 7}'])
def test_a_manifest_that_is_not_whole_publishes_nothing(files: Files, text: str | None) -> None:
    do_all(files)
    files.delete(RUN.manifest)
    if text is not None:
        files.write_text(RUN.manifest, [text])
    assert not is_published(files, RUN)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", STAGES)
def test_a_run_of_which_a_stage_is_begun_anew_meanwhile_is_not_published(files: Files, name: str) -> None:
    do_all(files)
    stage(files, name).start()
    with pytest.raises(UsageError, match=f"The {name} stage of this run is not complete"):
        publish(files, RUN, "r")  # type: ignore[arg-type]
    assert RUN.manifest not in files.texts
