"""What an upload's event is reduced to, so that a redelivery is the same run byte for byte."""

import json

import pytest

from orchard.errors import UsageError
from orchard.pipeline.input import ArchiveVersion, GivenArchive, execution_input


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
    text = execution_input(archive())
    assert text == execution_input(archive())
    assert " " not in text.replace("a b+c", "")
    assert list(json.loads(text)) == ["archive"], "the run is named by the execution"
    assert GivenArchive.from_text(text).version() == archive()


GIVEN: dict[str, object] = {"bucket": "in", "key": "a.zip", "version_id": "v1", "etag": "abc", "size": 7}


@pytest.mark.parametrize(
    "given",
    [
        *(None, [], "null", 7, {}, {"run_id": "fruits-0123456789ab"}, {"archive": None}, {"archive": ["a.zip"]}),
        *({"archive": {**GIVEN, name: value}} for name in ("bucket", "key", "size") for value in (None, "", [])),
        {"archive": {**GIVEN, "version_id": None, "etag": ""}},
    ],
)
def test_an_input_that_names_no_archive_is_said_in_plain_words(given: object) -> None:
    with pytest.raises(UsageError, match="names no archive") as raised:
        GivenArchive.from_data(given).version()
    assert raised.value.next_command == "orchard run ZIP"
