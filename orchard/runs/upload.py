"""Put an archive or a request into the input bucket, and know at once which run it starts."""

from __future__ import annotations

import io
import math
import os
import threading
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, cast

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig

from orchard import layout
from orchard.archive.by_name import check_name
from orchard.archive.errors import GitPointerError
from orchard.archive.sources.folder import files_in, pack_folder, packed_bytes
from orchard.aws.errors import has_object
from orchard.errors import EnvironmentNotReadyError, OptionsError, UsageError, quoted
from orchard.pipeline.input import ArchiveVersion
from orchard.pipeline.kinds import NOT_FETCHED, REQUEST_ENDING, SOURCES_FOLDER, is_pointer_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

    from orchard.archive.sources.folder import FolderFile
    from orchard.options import RunOptions

_PART = 8 * 2**20
_MOST_PARTS = 9_000  # S3 takes 10,000, and a folder may grow meanwhile

_REFIT = "-refit"

_FINAL_CALLS = ("PutObject", "CompleteMultipartUpload")
_MOST_METADATA = 2048  # bytes, of all names and values ("Working with object metadata", Amazon S3 User Guide)


@dataclass(frozen=True)
class Upload:
    """One object version that was put into the input bucket.

    Attributes:
        version_id: Its version; None in a bucket that keeps none.
        etag: Its ETag, without quotes.
        run_id: The run that this version starts; "" where only the upload's event knows (`orchard.runs.started`).
        size: Its size, bytes.
    """

    bucket: str
    key: str
    version_id: str | None
    etag: str
    run_id: str

    size: int

    @property
    def archive(self) -> ArchiveVersion:
        """The same as the pipeline knows it."""
        return ArchiveVersion(self.bucket, self.key, self.version_id, self.etag, self.size)


def upload_key(path: Path) -> str:
    """The key under which a file is uploaded: its name, the ending in lower case, as the bucket's event wants it.

    Args:
        path: A file on this machine, or a folder, which becomes a zip.

    Raises:
        UsageError: There is no such file, or it is not named `.zip`.
        NotAZipError: By its name it is another kind of archive; with the commands that make a zip of it.
        GitPointerError: Git LFS has not fetched it.
    """
    if path.is_dir():
        return f"{path.resolve().name or 'pictures'}.zip"
    if not path.is_file():
        raise UsageError(f"There is no file or folder {path}")
    if is_pointer_file(path):
        raise GitPointerError.at(str(path), NOT_FETCHED)
    if path.suffix.lower() != ".zip":
        check_name(path.name)
        raise UsageError(f"{path.name} is not named .zip", "the pipeline starts for .zip files only")
    return f"{path.stem}.zip"


def upload_archive(
    s3: S3Client,
    path: Path,
    bucket: str,
    options: RunOptions,
    progress: Callable[[int], None] | None = None,
    *,
    own: bool = True,
) -> Upload:
    """Upload a zip with the options of its run.

    Args:
        options: How the run is to be made; they travel as user metadata of the object.
        progress: Called with the number of bytes sent since the last call, from several threads.
        own: Whether the bucket is the stack's own, which keeps versions; another may keep none.

    Raises:
        OptionsError: The options are too long to travel with the zip.
        UsageError: There is no such zip, or it would take the place of another in a bucket that keeps no versions.
        EnvironmentNotReadyError: The bucket keeps no versions, so that nobody could say which run is this upload's.
    """
    key = upload_key(path)
    metadata = _metadata(options)

    return _upload(s3, bucket, key, lambda: _send(s3, path, bucket, key, metadata, progress), own=own)


def request_key(sources: Sequence[str]) -> str:
    """The key of the request that names these sources: called after the first of them."""
    name = sources[0].rstrip("/").rpartition("/")[2]
    stem = name if sources[0].endswith("/") else name.rpartition(".")[0] or name  # a folder here may have neither
    return f"{stem}{REQUEST_ENDING}"


def refit_key(run: str) -> str:
    """The key of a request for other components of a run: called after it, and after its like of a refit's."""
    return f"{run.rpartition('-')[0].removesuffix(_REFIT) or run}{_REFIT}{REQUEST_ENDING}"


def upload_request(s3: S3Client, key: str, body: bytes, bucket: str, *, own: bool) -> Upload:
    """Upload a request, whose sources are in S3; as `upload_archive`."""

    def send() -> int:
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
        return len(body)

    return _upload(s3, bucket, key, send, own=own)


def upload_source(s3: S3Client, path: Path, bucket: str, progress: Callable[[int], None] | None = None) -> str:
    """Upload a zip that is one of several sources, to where it starts no run of its own.

    Returns:
        Its address.
    """
    key = f"{SOURCES_FOLDER}{uuid.uuid4().hex[:12]}/{upload_key(path)}"
    with _what_aws_said():
        _send(s3, path, bucket, key, {}, progress)
    return layout.ObjectAddress(bucket, key).uri


def size_of(path: Path) -> int:
    """How much there is to upload, bytes: of a folder what its zip will have, more or less."""
    return packed_bytes(files_in(path)) if path.is_dir() else path.stat().st_size


def _send(
    s3: S3Client, path: Path, bucket: str, key: str, metadata: dict[str, str], progress: Callable[[int], None] | None
) -> int:
    """Upload a zip, or a folder as one, which is packed meanwhile and lies nowhere in between.

    Returns:
        How many bytes.
    """
    if not path.is_dir():
        s3.upload_file(str(path), bucket, key, ExtraArgs={"Metadata": metadata}, Callback=progress)
        return path.stat().st_size
    files = list(files_in(path))
    part = max(_PART, math.ceil(packed_bytes(files) / _MOST_PARTS))
    config = TransferConfig(multipart_threshold=part, multipart_chunksize=part, max_concurrency=4)
    with Packing(files) as packing:
        s3.upload_fileobj(
            cast("IO[bytes]", packing), bucket, key, ExtraArgs={"Metadata": metadata}, Callback=progress, Config=config
        )
        return packing.length


class Packing(io.RawIOBase):
    """A zip in the making, to be read once: a thread packs into a pipe.

    Attributes:
        length: How many bytes were read.
    """

    def __init__(self, files: Sequence[FolderFile]) -> None:
        super().__init__()
        self.length = 0
        self._error: BaseException | None = None
        reading, writing = os.pipe()
        self._file = os.fdopen(reading, "rb")
        self._thread = threading.Thread(target=self._pack, args=(files, writing), daemon=True)
        self._thread.start()

    def _pack(self, files: Sequence[FolderFile], writing: int) -> None:
        try:
            with os.fdopen(writing, "wb") as target:
                pack_folder(files, target)
        except BaseException as error:
            self._error = error

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes. What went wrong with the packing is raised: otherwise half a zip would look like a whole."""
        content = self._file.read(size)
        self.length += len(content)
        if size < 0 or len(content) < size:
            self._thread.join()
            if self._error is not None:
                raise self._error
        return content

    def readable(self) -> bool:
        """Yes."""
        return True

    def close(self) -> None:
        """End the thread, too: if it still writes, its write fails, since nobody reads the pipe any more."""
        if not self.closed:
            self._file.close()
            self._thread.join()
        super().close()


@contextmanager
def _what_aws_said() -> Iterator[None]:
    """Raise what boto3 hides behind an error of its own."""
    try:
        yield
    except S3UploadFailedError as error:
        raise error.__context__ or error from None


def _upload(s3: S3Client, bucket: str, key: str, send: Callable[[], int], *, own: bool) -> Upload:
    if not own and not _keeps_versions(s3, bucket):
        _check_free(s3, bucket, key)
    with _what_aws_said(), _final_answer(s3) as answer:
        size = send()
    version_id, etag = answer.get("VersionId"), answer["ETag"].strip('"')
    if version_id is None and own:
        raise EnvironmentNotReadyError(
            f"The bucket {bucket} keeps no versions",
            "two uploads of the same name could not be distinguished",
            "sam build && sam deploy",
        )
    run = layout.run_id(bucket, key, version_id=version_id) if version_id else ""
    return Upload(bucket, key, version_id, etag, run, size)


def _metadata(options: RunOptions) -> dict[str, str]:
    found = {layout.OPTIONS_METADATA_KEY: options.to_metadata()}
    length = sum(len(name) + len(value) for name, value in found.items())
    if length > _MOST_METADATA:
        cause = f"as the zip's metadata they have {length:,} bytes, and S3 takes {_MOST_METADATA:,}"
        raise OptionsError("The options are too long", f"{cause}; name fewer labels")
    return found


def _keeps_versions(s3: S3Client, bucket: str) -> bool:
    return s3.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled"


def _check_free(s3: S3Client, bucket: str, key: str) -> None:
    """Refuse to overwrite what is in a bucket that keeps no versions: it would be lost, and is perhaps not ours."""
    if not has_object(s3, bucket, key):
        return
    uri = layout.ObjectAddress(bucket, key).uri
    cause = "the bucket keeps no versions, so uploading yours would lose it; rename yours, or delete that one"
    raise UsageError(f"There is another {key} in {bucket}", cause, f"aws s3 rm {quoted(uri)}")


@contextmanager
def _final_answer(s3: S3Client) -> Iterator[dict[str, Any]]:
    """Keep S3's answer to the call that made the object.

    `upload_file` throws it away, and a HeadObject afterwards may already see somebody else's version.
    """
    answer: dict[str, Any] = {}

    def keep(parsed: dict[str, Any], **_: object) -> None:
        answer.update(parsed)

    events = [f"after-call.s3.{call}" for call in _FINAL_CALLS]
    for event in events:
        s3.meta.events.register(event, keep)
    try:
        yield answer
    finally:
        for event in events:
            s3.meta.events.unregister(event, keep)
