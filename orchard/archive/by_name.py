"""Refusing by its name what somebody took for a zip."""

from __future__ import annotations

from orchard.archive.errors import ArchiveRefusedError, NotAZipError, as_typed
from orchard.errors import quoted
from orchard.pipeline.kinds import Kind, another_archive, kind_of

_UNPACK = {"7z": "7z x {name} -o{stem}", "rar": "mkdir {stem} && unrar x {name} {stem}/"}
_UNTAR = "mkdir {stem} && tar -xf {name} -C {stem}"
_PACK = "(cd {stem} && zip -qr0 ../{zip} .)"


def check_name(uri: str) -> None:
    """Refuse what is no zip by its name.

    Args:
        uri: The object as `s3://bucket/key`.

    Raises:
        NotAZipError: It is another kind of archive, or a folder; with the commands that make a zip of it.
        ArchiveRefusedError: Its key is no text.
    """
    if not _is_text(uri):
        raise ArchiveRefusedError.at(uri, "its key contains half of a surrogate pair, which cannot be sent to S3")
    check_kind(uri)


def check_kind(uri: str) -> None:
    """The same for a file of this machine, whose name need be no text.

    Args:
        uri: The file, or the object.

    Raises:
        NotAZipError: It is another kind of archive, or a folder.
    """
    kind = kind_of(uri)
    if kind is Kind.FOLDER:
        folder = uri.rstrip("/").rpartition("/")[2]
        words = f"zip -qr0 {quoted(f'{folder}.zip')} {quoted(folder)}"
        raise NotAZipError.at(uri, "it is a folder, and a run is made of one zip", words)
    found = another_archive(uri)
    if kind is not Kind.ARCHIVE or found is None:
        return
    if found["broken"]:
        raise NotAZipError.at(uri, f"its name ends in .{found['broken']}: it is a part of a zip; upload the whole zip")
    name = uri.rpartition("/")[2]
    stem = name[: len(name) - len(found[0])] or "archive"
    filled = {"name": quoted(as_typed(uri)), "stem": quoted(stem), "zip": quoted(f"{stem}.zip")}
    unpack = _UNPACK.get(found[1].lower().partition(".")[0], _UNTAR)
    cause = f"its name ends in {found[0]}: it is another kind of archive, and Orchard reads zips"
    raise NotAZipError.at(uri, cause, f"{unpack} && {_PACK}".format(**filled))


def _is_text(key: str) -> bool:
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True
