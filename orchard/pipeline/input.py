"""The one object version that a run is about, as it travels from the upload's event through the state machine.

S3 tells of an object in two ways, by a notification of its bucket or by an event on EventBridge, each at least once and
in a form of its own. Both become one `CreatedObject`, so the same upload is the same run whichever way it was heard of.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import unquote_plus

from orchard.errors import UsageError
from orchard.layout import ObjectAddress, run_id
from orchard.pipeline.kinds import SOURCES_FOLDER, Kind, kind_of, top_folder
from orchard.pipeline.values import Parsed

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class GivenArchive(Parsed):
    """The zip or the request of an execution, as far as its input says, which anybody may have written."""

    bucket: Annotated[str, "archive.bucket"] = ""
    key: Annotated[str, "archive.key"] = ""
    version_id: Annotated[str, "archive.version_id"] = ""
    etag: Annotated[str, "archive.etag"] = ""
    size: Annotated[int | None, "archive.size"] = None

    @property
    def uri(self) -> str:
        """Its address; "" if the input does not say."""
        return ObjectAddress(self.bucket, self.key).uri if self.bucket and self.key else ""

    def version(self) -> ArchiveVersion:
        """The one object version that is meant.

        Raises:
            UsageError: The input does not say.
        """
        pinned = self.version_id or self.etag or kind_of(self.key) is Kind.FOLDER  # which is refused unread
        if not self.uri or self.size is None or not pinned:
            raise UsageError(
                "The input of this execution names no archive",
                "it has to be that of an upload's run: `archive` with bucket, key, version_id, etag and size",
                "orchard run ZIP",
            )
        return ArchiveVersion.of(**asdict(self))


@dataclass(frozen=True)
class ArchiveVersion:
    """One version of one uploaded zip, or request.

    Attributes:
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


@dataclass(frozen=True)
class CreatedObject:
    """An object that S3 says was created.

    Attributes:
        archive: Which version of it. Of a folder only its uppermost one, without a version: a tree of folders, made by
            a tool that makes an object of each, is one mistake with one notice.
        kind: What it is, by its key.
        sequencer: What orders the events of one key; "" if the event has none.
    """

    archive: ArchiveVersion
    kind: Kind
    sequencer: str

    @property
    def run_id(self) -> str:
        """The id of the run that it starts."""
        return self.archive.run_id(self.sequencer)

    @classmethod
    def parse(cls, message: Mapping[str, Any]) -> CreatedObject:
        """Read one of the messages of `messages_in`.

        Raises:
            KeyError: It is none.
        """
        if "detail" in message:  # EventBridge does not encode the key, and spells names in a way of its own
            bucket, found = message["detail"]["bucket"]["name"], message["detail"]["object"]
            key, version, etag = found["key"], found.get("version-id"), found["etag"]
        else:
            bucket, found = message["s3"]["bucket"]["name"], message["s3"]["object"]
            key, version, etag = unquote_plus(found["key"]), found.get("versionId"), found["eTag"]
        kind = Kind.OTHER if key.startswith(SOURCES_FOLDER) else kind_of(key)
        if kind is Kind.FOLDER:
            return cls(ArchiveVersion(bucket, top_folder(key), None, "", 0), kind, "")
        archive = ArchiveVersion.of(bucket, key, version_id=version, etag=etag, size=found["size"])
        return cls(archive, kind, found.get("sequencer") or "")


def run_of_object(bucket: str, key: str, version_id: str) -> str:
    """The id of the run that an object of a bucket with versions starts, if it starts one.

    What starts none has that of the folder that it is in: a million pictures are not a million runs.
    """
    in_folder = "/" in key.strip("/") and not key.startswith(SOURCES_FOLDER)
    if kind_of(key) is Kind.FOLDER or (kind_of(key) is Kind.OTHER and in_folder):
        return ArchiveVersion(bucket, top_folder(key), None, "", 0).run_id()
    return run_id(bucket, key, version_id=version_id)


def messages_in(event: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What an event tells of: the records of a notification, or the one object of an event on EventBridge.

    Args:
        event: S3's notification, its `s3:TestEvent`, or an "Object Created" of EventBridge.

    Returns:
        What `CreatedObject.parse` reads, one object each; nothing for a test event.

    Raises:
        KeyError: It is none of these.
    """
    if event.get("Event") == "s3:TestEvent":
        return []
    return [event] if "detail" in event else list(event["Records"])


def execution_input(archive: ArchiveVersion) -> str:
    """The input of the execution: byte for byte the same for every delivery of the same event.

    That is what lets StartExecution take a second start of a running execution for the first one. It names no run: the
    execution's name does.
    """
    return json.dumps({"archive": asdict(archive)}, sort_keys=True, separators=(",", ":"))
