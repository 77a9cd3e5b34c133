"""Put an archive into the input bucket, and know at once which run it starts."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.exceptions import S3UploadFailedError

from orchard import layout
from orchard.archive.by_name import check_name
from orchard.archive.errors import GitPointerError
from orchard.aws.errors import has_object
from orchard.errors import EnvironmentNotReadyError, UsageError, quoted
from orchard.pipeline.input import ArchiveVersion
from orchard.pipeline.kinds import NOT_FETCHED, is_pointer_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

    from orchard.options import RunOptions

_FINAL_CALLS = ("PutObject", "CompleteMultipartUpload")


@dataclass(frozen=True)
class Upload:
    """One object version that was put into the input bucket.

    Attributes:
        bucket: The input bucket.
        key: The object's key.
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
        path: A file on this machine.

    Returns:
        The key.

    Raises:
        UsageError: There is no such file, or it is not named `.zip`.
        NotAZipError: By its name it is another kind of archive; with the commands that make a zip of it.
        GitPointerError: Git LFS has not fetched it.
    """
    if not path.is_file():
        raise UsageError(f"There is no file {path}", "a folder cannot be uploaded" if path.is_dir() else "")
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
        s3: The client.
        path: The zip.
        bucket: The input bucket.
        options: How the run is to be made; they travel as user metadata of the object.
        progress: Called with the number of bytes sent since the last call, from several threads.
        own: Whether the bucket is the stack's own, which keeps versions; another may keep none.

    Returns:
        What was uploaded.

    Raises:
        UsageError: There is no such zip, or it would take the place of another in a bucket that keeps no versions.
        EnvironmentNotReadyError: The bucket keeps no versions, so that nobody could say which run is this upload's.
    """
    key = upload_key(path)
    if not own and not _keeps_versions(s3, bucket):
        _check_free(s3, bucket, key)
    metadata = {layout.OPTIONS_METADATA_KEY: options.to_metadata()}
    try:
        with _final_answer(s3) as answer:
            s3.upload_file(str(path), bucket, key, ExtraArgs={"Metadata": metadata}, Callback=progress)
    except S3UploadFailedError as error:
        raise error.__context__ or error from None  # what AWS said, which boto3 hides behind an error of its own
    version_id, etag = answer.get("VersionId"), answer["ETag"].strip('"')
    if version_id is None and own:
        raise EnvironmentNotReadyError(
            f"The bucket {bucket} keeps no versions",
            "two uploads of the same name could not be distinguished",
            "sam build && sam deploy",
        )
    run = layout.run_id(bucket, key, version_id=version_id) if version_id else ""
    return Upload(bucket, key, version_id, etag, run, path.stat().st_size)


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
