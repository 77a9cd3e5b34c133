"""Several zips and prefixes are one collection: one set of books, unique paths, and each picture with its address."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from moto import mock_aws

from orchard.archive.addresses import as_arguments, names_of, told
from orchard.archive.checks import DEFAULT_LIMITS
from orchard.archive.collection import Collection, Source, collect, find_source, pictures_of, pinned, pins
from orchard.archive.errors import (
    ArchiveBombError,
    ArchiveRefusedError,
    DamagedDirectoryError,
    LongListError,
    NoImagesError,
    SourceMissingError,
)
from orchard.archive.members import Picture
from orchard.archive.rejection import Rejection
from orchard.archive.sources.listing import Listing
from orchard.aws import clients
from tests.support.zips.hostile import Entry, build_zip

BUCKET = "pictures"


@pytest.fixture(autouse=True)
def _bucket() -> Iterator[None]:
    with mock_aws():
        clients.s3().create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield


def put(key: str, content: bytes = b"picture") -> str:
    clients.s3().put_object(Bucket=BUCKET, Key=key, Body=content)
    return f"s3://{BUCKET}/{key}"


def zipped(key: str, *paths: str) -> str:
    return put(key, build_zip([Entry(path, path.encode()) for path in paths]))


def gather(*uris: str) -> Collection:
    return collect(uris, find_source)


def read(collection: Collection) -> list[Picture | Rejection]:
    return [one for part in collection.spans() for one in pictures_of(*part)]


def again(collection: Collection) -> Collection:
    """What the job makes of it, by the files that stand for it."""
    listings = {n: source.text for n, source in enumerate(collection.sources) if isinstance(source, Listing)}
    sources: dict[str, Source] = {
        one.uri: one for one in pinned(pins(collection), "sources.json", listings.__getitem__)
    }
    return collect(list(sources), lambda uri, _: sources[uri])


def test_sources_have_one_set_of_books_and_their_names_before_their_paths() -> None:
    uris = [
        zipped("in/train.zip", "kiwi/1.jpg", "kiwi/notes.txt", "../evil.jpg"),
        zipped("test.ZIP", "kiwi/1.jpg", "2.jpg"),
    ]
    put("more/figs/a/1.jpg")
    put("more/figs/.DS_Store")
    put("more/figs/", b"")
    put("more/figs/a/", b"")
    both = gather(*uris, f"s3://{BUCKET}/more/figs/")
    assert both.entries == both.directories + both.ignored + both.rejected + both.images == 8
    assert (both.directories, both.ignored, both.rejected, both.images) == (1, 2, 1, 4)
    assert both.counts == {("Training", "kiwi"): 1, ("Test", "kiwi"): 1, ("", "test"): 1, ("", "a"): 1}
    assert both.ignored_reasons == {"not an image: .txt": 1, "macOS folder settings": 1}
    assert dict(both.ignored_entries()).keys() == {"train/kiwi/notes.txt", "figs/.DS_Store"}
    assert [one.path for one in both.rejections()] == ["train/../evil.jpg"]
    for collection in (both, again(both)):
        pictures = [one for one in read(collection) if isinstance(one, Picture)]
        assert {one.path: (one.split, one.label, one.address) for one in pictures} == {
            "train/kiwi/1.jpg": ("Training", "kiwi", f"{uris[0]}#kiwi/1.jpg"),
            "test/kiwi/1.jpg": ("Test", "kiwi", f"{uris[1]}#kiwi/1.jpg"),
            "test/2.jpg": ("", "test", f"{uris[1]}#2.jpg"),
            "figs/a/1.jpg": ("", "a", f"s3://{BUCKET}/more/figs/a/1.jpg"),
        }


@pytest.mark.parametrize(
    ("uris", "names"),
    [
        (["s3://b/a.zip"], [""]),
        (["s3://b/p/q/"], [""]),
        (["s3://b/a.zip", "s3://b/p/q/"], ["a/", "q/"]),
        (["s3://b/a.b.zip", "s3://c/"], ["a.b/", "c/"]),
        (["s3://b/x/train.zip", "s3://b/y/train.zip"], ["1/train/", "2/train/"]),
        (["s3://b/a.zip", "s3://b/a/"], ["1/a/", "2/a/"]),
        (["s3://b/__MACOSX.zip", "s3://b/a/"], ["1/source/", "2/a/"]),
        (["s3://b/...zip", "s3://b/.zip", "s3://b/C:.zip"], ["1/source/", "2/source/", "3/source/"]),
        ([f"s3://b/{'x' * 300}.zip", "s3://b/a.zip"], ["1/source/", "2/a/"]),
    ],
)
def test_the_names_of_sources_are_safe_and_never_the_same(uris: list[str], names: list[str]) -> None:
    assert names_of(uris) == names


class TestAPrefix:
    """What is under it is a directory like a zip's, and each object is read by the ETag that it had then."""

    def test_a_single_one_has_paths_below_itself(self) -> None:
        keys = ["Training/Kiwi/1.jpg", "Test/Kiwi/ü #+%20.jpg", "Test/Kiwi/back\\slash.jpg", "empty.png", 'a",\r\n.jpg']
        for key in keys:
            put(f"fruits/{key}", key.encode() if key != "empty.png" else b"")
        put("fruits-other/1.jpg")
        fruits = gather(f"s3://{BUCKET}/fruits/")
        assert fruits.counts == {("Training", "Kiwi"): 1, ("Test", "Kiwi"): 1, ("", ""): 1}
        assert {one.path for one in fruits.rejections()} == {keys[2], keys[4]}
        pictures = {one.path: one for one in read(again(fruits)) if isinstance(one, Picture)}
        assert set(pictures) == {keys[0], keys[1], "empty.png"}
        assert pictures[keys[1]].content == keys[1].encode()
        assert pictures[keys[1]].address == f"s3://{BUCKET}/fruits/{keys[1]}"
        assert pictures[keys[1]].modification_time.year >= 2024

    def test_what_changed_or_vanished_meanwhile_is_rejected_with_that_reason(self) -> None:
        for number in range(40):
            put(f"p/{number:02}.jpg", bytes([number]))
        for number in (3, 4, 5):
            put(f"p/{number:02}.jpg", b"")
        found = gather(f"s3://{BUCKET}/p/")
        put("p/01.jpg", b"another")
        put("p/03.jpg", b"no more empty")
        clients.s3().delete_object(Bucket=BUCKET, Key="p/04.jpg")
        clients.s3().delete_object(Bucket=BUCKET, Key="p/02.jpg")
        put("p/zz.jpg")
        outcomes = read(found)
        assert [one.path for one in outcomes] == [f"{number:02}.jpg" for number in range(40)]
        rejected = {one.path: one.reason for one in outcomes if isinstance(one, Rejection)}
        assert rejected.keys() == {"01.jpg", "02.jpg", "03.jpg", "04.jpg"}
        assert all("it was replaced or changed" in rejected[path] for path in ("01.jpg", "03.jpg"))
        assert "it was deleted" in rejected["02.jpg"]
        assert "there is no such object" in rejected["04.jpg"]

    def test_an_object_that_is_too_large_is_rejected_unread(self) -> None:
        put("p/1.jpg")
        put("p/2.jpg", b"x" * 100)
        found = collect([f"s3://{BUCKET}/p/"], find_source, replace(DEFAULT_LIMITS, member_bytes=50))
        assert [one.reason for one in found.rejections()] == ["it has 100 bytes; at most 50 are read"]

    @pytest.mark.parametrize("key", ["", "nothing/"])
    def test_nothing_under_it_is_a_refusal(self, key: str) -> None:
        with pytest.raises(NoImagesError, match="there is nothing under this prefix"):
            gather(f"s3://{BUCKET}/{key}")

    def test_a_bucket_that_is_not_there_is_said_to_be_none(self) -> None:
        with pytest.raises(SourceMissingError):
            gather("s3://no-such-bucket/p/")

    def test_a_list_beyond_the_memory_is_refused_while_it_grows(self) -> None:
        put("p/1.jpg")
        with pytest.raises(LongListError, match=r"1 members has .* bytes of memory"):
            collect([f"s3://{BUCKET}/p/"], find_source, replace(DEFAULT_LIMITS, memory_bytes=100))

    def test_more_objects_than_can_be_listed_in_time_are_refused_over_all_prefixes(self) -> None:
        for number in range(3):
            put(f"p/{number}.jpg")
            put(f"q/{number}.jpg")
        limits = replace(DEFAULT_LIMITS, keys=5)
        assert collect([f"s3://{BUCKET}/p/"], find_source, limits).objects == 3
        with pytest.raises(
            LongListError, match=r"more than 2 objects are there; a run lists 3,000,000 .* 900 s"
        ) as caught:
            collect([f"s3://{BUCKET}/p/", f"s3://{BUCKET}/q/"], find_source, limits)
        assert caught.value.next_command.startswith(f"aws s3 ls s3://{BUCKET}/q/")

    @pytest.mark.parametrize("text", [b"no gzip", b""])
    def test_another_list_than_the_one_that_was_pinned_is_refused(self, text: bytes) -> None:
        put("p/1.jpg")
        found = gather(f"s3://{BUCKET}/p/")
        with pytest.raises(DamagedDirectoryError):
            pinned(pins(found), "sources.json", lambda _: text)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sources": [7]}', '{"sources": [{"uri": "s3://a/b.zip"}]}'])
def test_a_file_that_pins_nothing_is_refused(text: str) -> None:
    with pytest.raises(DamagedDirectoryError):
        pinned(text, "sources.json", lambda _: b"")


def test_the_limits_are_those_of_all_sources_together() -> None:
    uris = [zipped("a.zip", "x" * 60 + ".jpg"), zipped("b.zip", "x" * 60 + ".jpg")]
    limits = replace(DEFAULT_LIMITS, total_bytes=100)
    collect(uris[:1], find_source, limits)
    with pytest.raises(ArchiveBombError, match="128 bytes would come out of all"):
        collect(uris, find_source, limits)
    memory = DEFAULT_LIMITS.needed_bytes(110, 1)
    collect(uris[:1], find_source, replace(DEFAULT_LIMITS, memory_bytes=memory))
    with pytest.raises(LongListError):
        collect(uris, find_source, replace(DEFAULT_LIMITS, memory_bytes=memory))


def test_choosing_some_of_many_takes_memory_too() -> None:
    found = gather(zipped("a.zip", *(f"{number}.jpg" for number in range(1000))))
    raw = len(found.inventories[0].directory.raw)
    enough = DEFAULT_LIMITS.needed_bytes(raw, 1000) + 48 * 1000
    assert found.select(10, None, replace(DEFAULT_LIMITS, memory_bytes=enough)).images == 10
    with pytest.raises(LongListError, match="choosing some of them takes"):
        found.select(10, None, replace(DEFAULT_LIMITS, memory_bytes=enough - 1))


def test_a_source_without_images_is_refused_though_others_have_some() -> None:
    with pytest.raises(ArchiveRefusedError, match=r"annotations\.zip has no images"):
        gather(zipped("a.zip", "1.jpg"), zipped("annotations.zip", "1.json"))


def test_sources_in_a_few_words() -> None:
    assert told(["s3://b/a.zip"]) == "s3://b/a.zip"
    assert told(["s3://b/a.zip"] * 1000) == "s3://b/a.zip and 999 more"
    assert as_arguments(["s3://b/a.zip"]) == ["a.zip"]
    assert as_arguments(["s3://b/p/"]) == ["s3://b/p/"]
    assert as_arguments(["s3://b/p/"] * 1000) == ["SOURCES"]
