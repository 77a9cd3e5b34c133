"""Reading by ranges from files and Hadoop's file systems, pinned to what was found."""

import os
import pickle
from pathlib import Path

import pytest

from orchard.archive.errors import (
    SourceChangedError,
    SourceDeniedError,
    SourceMissingError,
    SourceUnreachableError,
    TruncatedArchiveError,
)
from orchard.archive.sources.base import PinnedSource, SourceReference
from orchard.archive.sources.files import ArrowSource, FileSource
from orchard.archive.sources.open import open_source, reopen

CONTENT = bytes(range(256))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my fruits #1 +%20é.zip"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize("form", ["{0}", "file://{0}", "file:{0}"])
def test_a_file_opens_by_path_and_by_uri_as_they_are_written(file: Path, form: str) -> None:
    source = open_source(form.format(file))
    assert source.size == 256
    assert source.uri == f"file://{file}"
    assert source.read(10, 5) == CONTENT[10:15]


def test_a_relative_path_is_pinned_absolutely(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task need not run in the folder that the driver ran in."""
    monkeypatch.chdir(file.parent)
    reference = open_source(file.name).reference
    monkeypatch.chdir("/")
    assert reopen(reference).read(0, 256) == CONTENT


@pytest.mark.parametrize("kind", ["file", "arrow"])
class TestAnyFileSystem:
    """What holds for a plain file holds for `pyarrow.fs` too."""

    @pytest.fixture
    def source(self, kind: str, file: Path) -> PinnedSource:
        return FileSource.find(file) if kind == "file" else ArrowSource.find(f"file://{file}")

    @pytest.fixture
    def path(self, source: PinnedSource) -> Path:
        return Path(source.uri.removeprefix("file://"))

    def test_ranges_come_exactly(self, source: PinnedSource) -> None:
        assert source.size == 256
        assert source.read(0, 256) == CONTENT
        assert source.read(255, 1) == CONTENT[255:]
        assert source.read(256, 0) == b""

    @pytest.mark.parametrize(("start", "length"), [(0, 257), (256, 1), (-1, 2), (2, -1)])
    def test_a_range_outside_is_a_truncation(self, source: PinnedSource, start: int, length: int) -> None:
        with pytest.raises(TruncatedArchiveError):
            source.read(start, length)

    def test_a_reference_travels_and_reopens_the_same_bytes(self, source: PinnedSource) -> None:
        reference = pickle.loads(pickle.dumps(source.reference))  # noqa: S301 (our own bytes)
        assert isinstance(reference, SourceReference)
        assert reopen(reference).read(1, 2) == CONTENT[1:3]

    def test_a_file_written_to_meanwhile_is_noticed(self, source: PinnedSource, path: Path) -> None:
        path.write_bytes(CONTENT)
        os.utime(path, ns=(0, 12345))
        with pytest.raises(SourceChangedError):
            source.read(0, 1)

    def test_a_file_cut_meanwhile_is_noticed(self, source: PinnedSource, path: Path) -> None:
        status = path.stat()
        path.write_bytes(CONTENT[:100])
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        with pytest.raises(SourceChangedError):
            source.read(0, 1)


def test_a_file_deleted_meanwhile_is_missing(file: Path) -> None:
    source = open_source(str(file))
    file.unlink()
    with pytest.raises(SourceMissingError):
        source.read(0, 1)


def test_a_file_that_must_have_another_tag_is_not_opened(file: Path) -> None:
    tag = open_source(str(file)).reference.etag
    assert open_source(str(file), etag=tag).size == 256
    with pytest.raises(SourceChangedError):
        open_source(str(file), etag="other")


def test_what_is_not_there_is_said_with_the_next_command(tmp_path: Path) -> None:
    with pytest.raises(SourceMissingError) as caught:
        open_source(f"file://{tmp_path}/no such.zip")
    assert caught.value.headline == "no such.zip is not there"
    assert caught.value.next_command == f"ls -l '{tmp_path}/no such.zip'"


def test_a_folder_is_not_an_archive(tmp_path: Path) -> None:
    with pytest.raises(SourceMissingError, match="folder"):
        open_source(str(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_denied(file: Path) -> None:
    file.chmod(0)
    with pytest.raises(SourceDeniedError):
        open_source(str(file))


def test_a_name_too_long_for_the_system_is_unreachable() -> None:
    with pytest.raises(SourceUnreachableError):
        open_source("/" + "x" * 5000)


def test_other_uris_go_to_pyarrow() -> None:
    with pytest.raises(SourceMissingError):
        open_source("mock:///no such file")
    with pytest.raises(SourceUnreachableError):
        open_source("gopher://fruits.zip")
