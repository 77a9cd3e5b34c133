"""Whatever is done to an archive: pictures come out as they went in, or a refusal or rejection says why not."""

import random
import zipfile
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchard.archive import Picture, Rejection, inspect, plan_spans, read_span
from orchard.archive.errors import ArchiveRefusedError, NotAZipError, TruncatedArchiveError
from orchard.errors import ArchiveError
from tests.hostile_zips import BytesSource, Entry, Forgery, build_zip, extra_field

CONTENTS = {f"fruits/Training/Kiwi {number}/{number}.jpg": bytes([number]) * (number * 17) for number in range(8)}
ENTRIES = [
    Entry("fruits/", mode=0o40755),
    *(Entry(path, content, method=8 * (index % 2)) for index, (path, content) in enumerate(CONTENTS.items())),
    Entry("fruits/README", b"read me"),
    Entry("fruits/Pêche/descriptor.png", b"d" * 40, descriptor=True, extra=extra_field(0x5455, b"\1abcd")),
]
CONTENTS["fruits/Pêche/descriptor.png"] = b"d" * 40
PLAIN = build_zip(ENTRIES)
ZIP64 = build_zip(ENTRIES, Forgery(zip64=True, comment=b"with a comment"))


def read(archive: bytes, target_bytes: int = 2**20) -> list[Picture | Rejection]:
    source = BytesSource(archive)
    inventory = inspect(source)
    assert inventory.is_balanced
    items = [item for span in plan_spans(inventory, target_bytes) for item in read_span(source, span)]
    assert [item.path for item in items] == [member.path for member in inventory.images]
    return items


def outcome(archive: bytes) -> list[Picture | Rejection] | ArchiveError:
    """What was read, or the typed error; any other error is a failure."""
    try:
        return read(archive)
    except ArchiveError as error:
        return error


def check_outcome(archive: bytes) -> None:
    """Pictures with the right bytes, rejections with a reason, or an error that says all there is to say."""
    found = outcome(archive)
    if isinstance(found, ArchiveError):
        assert found.headline
        assert found.cause
        assert found.next_command
        return
    for item in found:
        if isinstance(item, Rejection):
            assert item.reason
        else:
            assert item.content in CONTENTS.values()


@pytest.mark.parametrize("archive", [PLAIN, ZIP64], ids=["plain", "zip64"])
def test_the_untouched_archive_is_read_whole(archive: bytes) -> None:
    assert {item.path: item.content for item in read(archive) if isinstance(item, Picture)} == CONTENTS


@pytest.mark.parametrize("archive", [PLAIN, ZIP64], ids=["plain", "zip64"])
def test_an_archive_cut_at_any_byte_is_refused_as_incomplete(archive: bytes) -> None:
    for length in range(1, len(archive)):
        with pytest.raises(TruncatedArchiveError):
            inspect(BytesSource(archive[:length]))


@pytest.mark.parametrize("archive", [PLAIN, ZIP64], ids=["plain", "zip64"])
def test_an_archive_that_lost_its_beginning_is_refused_or_rejected(archive: bytes) -> None:
    for start in range(1, len(archive)):
        check_outcome(archive[start:])


@pytest.mark.parametrize("archive", [PLAIN, ZIP64], ids=["plain", "zip64"])
def test_any_byte_may_be_damaged(archive: bytes) -> None:
    for position in range(len(archive)):
        for change in (0x01, 0x80, 0xFF):
            damaged = bytearray(archive)
            damaged[position] ^= change
            check_outcome(bytes(damaged))


@pytest.mark.parametrize("seed", range(300))
def test_flips_cuts_and_splices(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 (not cryptography)
    content = bytearray(rng.choice([PLAIN, ZIP64]))
    for _ in range(rng.randint(1, 6)):
        if not content:
            break
        here, there = sorted(rng.choices(range(len(content)), k=2))
        match rng.randrange(5):
            case 0:
                content[here] = rng.randrange(256)
            case 1:
                del content[here : here + rng.randint(1, 40)]
            case 2:
                content[here:here] = content[there : there + rng.randint(1, 200)]
            case 3:
                content[here : here + 4] = rng.choice([b"\0\0\0\0", b"\xff\xff\xff\xff", b"PK\x05\x06", b"PK\x01\x02"])
            case _:
                content[here:here] = rng.randbytes(rng.randint(1, 100))
    check_outcome(bytes(content))


@given(st.binary(max_size=300))
def test_random_bytes_are_not_a_zip(content: bytes) -> None:
    with pytest.raises(ArchiveRefusedError):
        inspect(BytesSource(content))


@given(st.binary(max_size=100).filter(lambda tail: b"PK" not in tail))
def test_bytes_after_an_empty_name_of_a_zip_are_named_so(tail: bytes) -> None:
    with pytest.raises(NotAZipError):
        inspect(BytesSource(b"\x89PNG" + tail))


NAMES = st.text(st.characters(categories=["L", "N", "S", "Zs"]), min_size=1, max_size=20)


@settings(max_examples=60, deadline=None)
@given(
    members=st.dictionaries(
        st.lists(NAMES, min_size=1, max_size=4).map(lambda parts: "d/" + "/".join(parts) + ".jpg"),
        st.tuples(st.binary(max_size=2000), st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]), st.booleans()),
        min_size=1,
        max_size=8,
    ),
    prefix=st.sampled_from([b"", b"#!/bin/sh\n"]),
    comment=st.binary(max_size=50),
    target=st.integers(1, 5000),
)
def test_whatever_zipfile_writes_comes_back_through_spans_of_any_size(
    members: dict[str, tuple[bytes, int, bool]], prefix: bytes, comment: bytes, target: int
) -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.comment = comment
        for path, (content, method, is_zip64) in members.items():
            info = zipfile.ZipInfo(path)
            info.compress_type = method
            with archive.open(info, "w", force_zip64=is_zip64) as file:
                file.write(content)
    found = {item.path: item.content for item in read(prefix + buffer.getvalue(), target) if isinstance(item, Picture)}
    assert found == {path: content for path, (content, _, _) in members.items()}


class Pipe(BytesIO):
    """An output that cannot seek, so that sizes come after the data."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise OSError

    def seek(self, *_: int) -> int:
        raise OSError


def test_zipfile_streaming_into_a_pipe() -> None:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in CONTENTS.items():
            archive.writestr(path, content)
    assert {item.path: item.content for item in read(pipe.getvalue()) if isinstance(item, Picture)} == CONTENTS
