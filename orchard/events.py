"""The one object version that a run is about, as it travels from the upload's event through the state machine."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from orchard.layout import ObjectAddress, run_id

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class ArchiveVersion:
    """One version of one uploaded zip.

    Attributes:
        bucket: Its bucket.
        key: Its key, decoded.
        version_id: Its version; None when the bucket keeps none.
        etag: Its ETag, without quotes.
        size: Its size, bytes.
    """

    bucket: str
    key: str
    version_id: str | None
    etag: str
    size: int

    @property
    def uri(self) -> str:
        """Its address, without the version."""
        return ObjectAddress(self.bucket, self.key).uri

    @property
    def pin(self) -> str:
        """The argument that keeps a job from reading another version; one word, as a version may begin with a dash."""
        return f"--version-id={self.version_id}" if self.version_id else f"--etag={self.etag}"

    def run_id(self, sequencer: str = "") -> str:
        """The id of the run that it starts.

        Args:
            sequencer: The event's, which tells two uploads of the same bytes apart where no version does.
        """
        return run_id(self.bucket, self.key, version_id=self.version_id, etag=self.etag, sequencer=sequencer)

    @classmethod
    def of(cls, bucket: str, key: str, *, version_id: str | None, etag: str, size: int) -> ArchiveVersion:
        """From what S3 says: an ETag may be quoted, and `"null"` is the version of a bucket that keeps none."""
        version = version_id if version_id and version_id != "null" else None
        return cls(bucket, key, version, etag.strip('"'), size)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ArchiveVersion:
        """Read what `execution_input` wrote below `archive`."""
        return cls(data["bucket"], data["key"], data["version_id"], data["etag"], data["size"])


def execution_input(run: str, archive: ArchiveVersion) -> str:
    """The input of the execution: byte for byte the same for every delivery of the same event.

    That is what lets StartExecution take a second start of a running execution for the first one.
    """
    return json.dumps({"run_id": run, "archive": asdict(archive)}, sort_keys=True, separators=(",", ":"))
