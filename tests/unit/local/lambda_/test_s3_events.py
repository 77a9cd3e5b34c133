from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote_plus

from hypothesis import given
from hypothesis import strategies as st

from orchard.local.lambda_.s3_events import event_body, sequencer

WHEN = datetime.fromisoformat("2026-11-20T09:30:00.123456")


@dataclass(frozen=True)
class Bucket:
    name: str = "fruits"
    arn: str = "arn:aws:s3:::fruits"
    region_name: str = "eu-west-1"
    is_versioned: bool = True


@dataclass(frozen=True)
class Key:
    name: str
    size: int = 3
    etag: str = '"abc"'
    version_id: str = "v1"
    last_modified: datetime = WHEN


def stored(key: str, bucket: Bucket = Bucket()) -> dict:
    [record] = event_body("s3:ObjectCreated:Put", bucket, Key(key), "n")["Records"]
    assert record["eventName"] == "ObjectCreated:Put"
    return record["s3"]["object"]


def test_a_key_is_encoded_as_in_a_form_but_for_its_slashes() -> None:
    assert stored("in/rosé a+b.zip")["key"] == "in/ros%C3%A9+a%2Bb.zip"


@given(st.text(min_size=1))
def test_every_key_can_be_decoded(key: str) -> None:
    assume_encodable = key.encode("utf-8", "ignore").decode()
    assert unquote_plus(stored(assume_encodable)["key"]) == assume_encodable


def test_only_a_versioned_bucket_names_the_version() -> None:
    assert stored("a")["versionId"] == "v1"
    assert "versionId" not in stored("a", Bucket(is_versioned=False))
    assert stored("a")["eTag"] == "abc"


@given(
    st.datetimes(datetime.fromisoformat("2020-01-01"), datetime.fromisoformat("2100-01-01")),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=9)),
)
def test_sequencers_grow_as_text(when: datetime, later: timedelta) -> None:
    assert sequencer(when) < sequencer(when + later)
    assert len(sequencer(when)) == 18
