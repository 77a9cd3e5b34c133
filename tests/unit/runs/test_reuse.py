"""What an earlier run has computed of the same pictures is found, and used if it is whole and made by the same."""

from dataclasses import replace
from typing import Any

import pytest

from orchard.aws import clients
from orchard.layout import RunFiles, run_files
from orchard.options import RunOptions
from orchard.pipeline.origin import NO_ORIGIN, Origin
from orchard.runs.found import Found
from orchard.runs.reuse import EarlierRuns
from tests.support.stored_run import MODEL, Files, leave_indexed, put_all
from tests.support.zips.held import collection
from tests.support.zips.hostile import Entry

pytestmark = pytest.mark.usefixtures("bucket")

PICTURES = [Entry(f"Training/Fig/{number}.jpg", b"fig %d" % number) for number in range(6)]
REST = [Entry("Training/"), Entry("notes.txt"), Entry("../evil.jpg")]
ZIP = [*PICTURES, *REST]
LENIENT = RunOptions(max_rejected=0.3)
"""Of the 7 images of an earlier run 2 are rejected."""


@pytest.fixture
def files() -> Files:
    return Files()


def found(entries: list[Entry] | None = None, name: str = "other") -> Found:
    return Found.of(collection(ZIP if entries is None else entries, uri=f"s3://in/{name}.zip"))


def leave(
    files: Files,
    run: str = "first",
    entries: list[Entry] | None = None,
    origin: Origin = NO_ORIGIN,
    *,
    at: int = 0,
    lost: int = 0,
    **made: str,
) -> RunFiles:
    """An earlier run, as its inspection and its jobs leave it."""
    read = collection(ZIP if entries is None else entries)
    return leave_indexed(clients.s3(), run_files("out", run), read, files, origin, at=at, lost=lost, **made)


def reused(
    given: Found | None = None, options: RunOptions = LENIENT, model: str = MODEL["id"], run: str = "own"
) -> tuple[Origin, int]:
    with_origin = EarlierRuns(clients.s3(), "out", run).reuse(given or found(), options, model)
    return with_origin.origin, with_origin.known


def test_the_same_pictures_under_another_name_have_features_already(files: Files) -> None:
    assert reused() == (NO_ORIGIN, 0), "nothing has run yet"
    first = leave(files)
    assert reused() == (Origin(features=first.base), 0)
    assert reused(options=replace(LENIENT, components=5, variance=None)) == (Origin(features=first.base), 0)
    assert reused(options=replace(LENIENT, fresh=True)) == (NO_ORIGIN, 0)
    assert reused(run="first") == (NO_ORIGIN, 0), "no run begins with its own results"
    given = Found(found().archive, found().counts, found().inventory, Origin(components="s3://out/runs/c"))
    assert reused(given)[0] == Origin(features=first.base, components="s3://out/runs/c")


@pytest.mark.parametrize("other", [{"model": "cafe"}, {"engine": "tensorflow"}, {"truncated": "keep"}])
def test_features_that_are_made_otherwise_are_none_but_the_pictures_are_the_same(
    files: Files, other: dict[str, str]
) -> None:
    first = leave(files, **other)
    assert reused() == (Origin(images=first.base), 0)
    second = leave(files, "second", origin=Origin(images=first.base))
    assert reused() == (Origin(images=first.base, features=second.base), 0)
    leave(files, "third", **other)
    assert reused()[0].features == second.base, "whatever was made since"


def test_an_entry_of_what_is_gone_incomplete_or_of_another_version_is_nothing(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, s3 = leave(files), clients.s3()
    with monkeypatch.context() as patched:
        patched.setitem(__import__("orchard.jobs.stages", fromlist=["VERSIONS"]).VERSIONS, "featurize", 2)
        assert reused() == (NO_ORIGIN, 0)
    assert reused() == (Origin(features=first.base), 0)
    s3.delete_object(Bucket="out", Key="runs/first/images/part-00000.csv")
    assert reused() == (NO_ORIGIN, 0)
    put_all(files, s3)
    s3.delete_object(Bucket="out", Key="runs/first/_manifest.json")
    assert reused() == (NO_ORIGIN, 0)


def test_what_could_not_be_read_is_tried_again(files: Files) -> None:
    first = leave(files, lost=1)  # a damaged upload: its directory is the same
    assert reused() == (Origin(known=first.base), 6)


def test_features_of_which_too_many_are_missing_are_copied_so_that_the_job_says_which(files: Files) -> None:
    first = leave(files)  # of 7 images 2 were rejected
    assert reused(options=RunOptions(max_rejected=0.28)) == (Origin(images=first.base, known=first.base), 6)
    assert reused(options=RunOptions(max_rejected=0.29)) == (Origin(features=first.base), 0)


def test_of_the_runs_that_know_some_of_the_pictures_the_one_that_knows_most_is_taken(files: Files) -> None:
    grown = [*ZIP, Entry("Test/Fig/new.jpg", b"new")]
    most = leave(files, "most", PICTURES, at=1)
    leave(files, "fewer", PICTURES[:3], at=2)
    leave(files, "none", [Entry("a.jpg", b"a")], at=3)
    leave(files, "otherwise", ZIP, at=4, engine="tensorflow")
    assert reused(found(grown)) == (Origin(known=most.base), 6)
    changed = [Entry(PICTURES[0].name, b"fig !"), *grown[1:]]
    assert reused(found(changed)) == (Origin(known=most.base), 5)
    twice = [*grown, Entry("Test/Fig/again.jpg", b"fig 1")]
    assert reused(found(twice)) == (Origin(known=most.base), 7)
    clients.s3().delete_object(Bucket="out", Key="runs/most/summary.json")
    clients.s3().delete_object(Bucket="out", Key="runs/most/_manifest.json")
    assert reused(found(grown)) == (Origin(known="s3://out/runs/fewer"), 3)
    assert reused(found([Entry("b.jpg", b"b")])) == (NO_ORIGIN, 0)


def test_only_the_latest_runs_are_compared(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    grown = [*ZIP, Entry("Test/Fig/new.jpg", b"new")]
    leave(files, "old", PICTURES, at=1)
    leave(files, "newer", PICTURES[:2], at=2)
    monkeypatch.setattr("orchard.runs.reuse.LATEST", 1)
    assert reused(found(grown)) == (Origin(known="s3://out/runs/newer"), 2)


@pytest.mark.parametrize(("known", "wanted"), [(2, 2), (1, 0)])
def test_a_run_that_knows_hardly_anything_is_no_use(files: Files, known: int, wanted: int) -> None:
    many = [Entry(f"Fig/{number}.jpg", b"picture %d" % number) for number in range(200)]
    leave(files, "few", many[:known])
    assert reused(found([*many, *REST]))[1] == wanted


def test_an_entry_that_is_damaged_is_nothing(files: Files) -> None:
    leave(files, "first", PICTURES)
    s3 = clients.s3()
    [entry] = s3.list_objects_v2(Bucket="out", Prefix="index/pictures/")["Contents"]
    grown: Any = [*ZIP, Entry("new.jpg", b"new")]
    for body in (b"", b"123"):
        s3.put_object(Bucket="out", Key=entry["Key"], Body=body)
        assert reused(found(grown)) == (NO_ORIGIN, 0)
