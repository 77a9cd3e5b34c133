"""What an upload's event is reduced to, so that a redelivery is the same run byte for byte."""

import json

from orchard.events import ArchiveVersion, execution_input


def archive(version_id: str | None = "v1", etag: str = '"abc"') -> ArchiveVersion:
    return ArchiveVersion.of("in", "a b+c/früits.zip", version_id=version_id, etag=etag, size=7)


def test_the_etag_loses_its_quotes_and_the_null_version_is_none() -> None:
    assert archive().etag == "abc"
    assert archive("null").version_id is None
    assert archive("").version_id is None


def test_a_version_makes_the_run_whatever_the_sequencer_says() -> None:
    assert archive().run_id("1") == archive().run_id("2")
    assert archive("v1").run_id() != archive("v2").run_id()


def test_without_versions_the_sequencer_tells_uploads_of_the_same_bytes_apart() -> None:
    assert archive(None).run_id("1") != archive(None).run_id("2")
    assert archive(None).run_id("1") == archive("null").run_id("1")


def test_the_execution_input_is_canonical_and_read_back() -> None:
    text = execution_input("run-1", archive())
    assert text == execution_input("run-1", archive())
    assert " " not in text.replace("a b+c", "")
    assert list(json.loads(text)) == ["archive", "run_id"]
    assert ArchiveVersion.from_json(json.loads(text)["archive"]) == archive()
