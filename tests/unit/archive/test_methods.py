"""What compresses members, each in the same bounds: no more comes out than is declared, and no more memory is taken."""

import lzma
import struct
import tracemalloc

import inflate64
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.archive.checks import inspect
from orchard.archive.members import read_span
from orchard.archive.methods import UnpackingError, unpack, unsupported_method
from orchard.archive.rejection import Rejection
from orchard.archive.spans import plan_spans
from tests.support.zips.hostile import METHODS, BytesSource, Entry, build_zip, pack

CONTENT = bytes(number * number % 251 for number in range(3_000)) * 7 + bytes(20_000)
each_method = pytest.mark.parametrize("method", METHODS, ids=METHODS.values())


def unpacked(method: int, data: bytes, size: int) -> bytes:
    return unpack(method, 2 * (method == 14), memoryview(data), size)


def fault(entry: Entry) -> str:
    source = BytesSource(build_zip([entry]))
    [outcome] = [item for span in plan_spans(inspect(source)) for item in read_span(source, span)]
    assert isinstance(outcome, Rejection)
    return outcome.reason


@each_method
@given(st.binary(max_size=3000) | st.integers(0, 300_000).map(bytes))
def test_what_was_packed_comes_back(method: int, content: bytes) -> None:
    assert unpacked(method, pack(method, content), len(content)) == content


@each_method
def test_no_more_comes_out_than_one_byte_too_many(method: int) -> None:
    data = pack(method, CONTENT)
    for size in (0, 1, 1_000, len(CONTENT) - 1):
        assert CONTENT.startswith(found := unpacked(method, data, size))
        assert len(found) > size


@each_method
def test_a_stream_that_ends_too_early_or_is_spoilt_is_rejected(method: int) -> None:
    data = pack(method, CONTENT)
    for length in (0, 1, 3, 10, len(data) // 2, len(data) - 9):
        assert fault(Entry("1.jpg", CONTENT, method=method, data=data[:length])) in (
            "its compressed data is cut short", "its compressed data is damaged",
        )  # fmt: skip
    for place in range(0, len(data), len(data) // 50 + 1):
        spoilt = data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]
        try:
            found = unpacked(method, spoilt, len(CONTENT))
        except UnpackingError:
            continue
        assert len(found) <= len(CONTENT) + 16_000_000


@each_method
@pytest.mark.parametrize("change", [-1, 1], ids=["too small", "too large"])
def test_a_wrong_size_and_a_wrong_checksum_are_found(method: int, change: int) -> None:
    assert "declared" in fault(Entry("1.jpg", CONTENT, method=method, size=len(CONTENT) + change))
    assert fault(Entry("1.jpg", CONTENT, method=method, crc=1)) == "its checksum (CRC-32) is wrong"


@each_method
def test_a_bomb_with_a_forged_size_takes_no_memory(method: int) -> None:
    """What a library holds outside Python is bounded by its window; the fuzzing limits the whole process."""
    deflater = inflate64.Deflater()
    zeros = bytes(100_000_000)
    bomb = deflater.deflate(zeros) + deflater.flush() if method == 9 else pack(method, zeros)
    tracemalloc.start()
    try:
        assert len(unpacked(method, bomb, 1000)) > 1000
        assert tracemalloc.get_traced_memory()[1] < (36_000_000 if method == 9 else 10_000_000)
    finally:
        tracemalloc.stop()


def test_the_lengths_and_distances_that_deflate64_alone_has() -> None:
    """By hand, in the fixed codes of RFC 1951: length 285 has 16 more bits, distances 30 and 31 have 14."""
    head = bytes(number * number % 251 for number in range(65_000)) + b"0123456789" * 600
    stored = b"".join(
        struct.pack("<BHH", 0, len(part), len(part) ^ 0xFFFF) + part for part in (head[:60_000], head[60_000:])
    )
    bits = "110"  # the last block, of fixed codes, each number from its lowest bit, each code from its highest
    content = bytearray(head)
    for length, code, distance, distance_code in (
        (5_003, f"11000101{5_000:016b}", 42_769, f"11110{10_000:014b}"),
        (65_538, f"11000101{65_535:016b}", 49_253, f"11111{100:014b}"),
        (3, f"11000101{0:016b}", 65_536, f"11111{16_383:014b}"),
        *((length, f"11000100{length - 227:05b}", 32_769, f"11110{0:014b}") for length in (256, 257, 258)),
    ):
        bits += code[:8] + code[:7:-1] + distance_code[:5] + distance_code[:4:-1]
        for _ in range(length):
            content.append(content[-distance])
    bits += "0000000"
    packed = bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))
    assert unpacked(9, stored + packed, len(content)) == content


def test_lzma_may_end_by_its_size_alone() -> None:
    """As Python and 7-Zip write it that know the size; then no mark is in the data, and no flag says so."""
    filters = [{"id": lzma.FILTER_LZMA1, "preset": 6}]
    data = b"\x09\x04\5\0\x5d" + struct.pack("<I", 1 << 23) + lzma.compress(CONTENT, lzma.FORMAT_RAW, filters=filters)
    assert unpack(14, 0, memoryview(data), len(CONTENT)) == CONTENT
    assert unpack(14, 0, memoryview(data)[:9], 0) == b""


def test_a_dictionary_of_four_gigabytes_is_not_made() -> None:
    data = bytearray(pack(14, CONTENT))
    data[5:9] = b"\xff" * 4
    assert unpacked(14, bytes(data), len(CONTENT)) == CONTENT


@pytest.mark.parametrize("data", [b"", b"\x09\x04\5", b"\x09\x04\6\0" + bytes(20), b"\x09\x04\5\0\xff" + bytes(20)])
def test_a_header_that_lzma_does_not_have_is_damage(data: bytes) -> None:
    with pytest.raises(UnpackingError, match="damaged"):
        unpacked(14, data, 100)


@pytest.mark.parametrize("window_log", [31], ids=["a window of two gigabytes"])
def test_a_window_that_no_picture_needs_is_refused(window_log: int) -> None:
    frame = struct.pack("<IBB", 0xFD2FB528, 0, (window_log - 10) << 3) + struct.pack("<I", 1 | 5 << 3)[:3] + b"hello"
    with pytest.raises(UnpackingError, match="damaged"):
        unpacked(93, frame, 5)


def test_what_follows_the_end_is_no_part_of_it() -> None:
    for method in METHODS:
        assert unpacked(method, pack(method, CONTENT) + b"junk", len(CONTENT)) == CONTENT


in_streams = pytest.mark.parametrize("method", [12, 93, 95], ids=lambda method: METHODS[method])


@in_streams
@pytest.mark.parametrize("cuts", [[0], [1], [17_000, 30_000], [0, 0, 20_000, 20_000]])
def test_streams_that_follow_one_another_are_one_content(method: int, cuts: list[int]) -> None:
    """As pbzip2, pzstd and pixz write them."""
    parts = [CONTENT[first:last] for first, last in zip([0, *cuts], [*cuts, None], strict=True)]
    data = b"".join(pack(method, part) for part in parts)
    assert unpacked(method, data, len(CONTENT)) == CONTENT
    assert len(unpacked(method, data, 18_000)) == 18_001
    with pytest.raises(UnpackingError, match="cut short"):
        unpacked(method, data[:-1], len(CONTENT))


@in_streams
def test_streams_without_end_and_without_content_are_given_up(method: int) -> None:
    data = pack(method, b"") * 100_000
    assert unpacked(method, data + pack(method, CONTENT), len(CONTENT)) == b""


def test_a_frame_that_zstandard_skips_is_skipped() -> None:
    skipped = struct.pack("<II", 0x184D2A50, 3) + b"abc"
    assert unpacked(93, skipped + pack(93, CONTENT), len(CONTENT)) == CONTENT


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        *((method, "") for method in (0, *METHODS)),
        (1, "compressed by shrink, method 1"),
        (98, "compressed by PPMd, method 98"),
        (77, "compressed by a method that has no name, method 77"),
    ],
)
def test_methods_are_named(method: int, reason: str) -> None:
    assert unsupported_method(method) == reason
