"""How the bytes of a member's name become its path."""

from __future__ import annotations

import zlib

_UTF8_FLAG = 0x0800
_UNIX_HOSTS = (3, 19)  # Unix and macOS


def find_encoding(name: bytes, flags: int, system: int, unicode_path: bytes) -> tuple[bytes, str, str]:
    """Tell how a name is encoded.

    Names are UTF-8 when flagged, and by the unicode-path extra field when its CRC shows that it was written for this
    name. Otherwise cp437, except from Unix and macOS, where tools store the file system's own bytes (macOS never sets
    the flag): there, whatever is UTF-8 is read as UTF-8, as Info-ZIP's unzip does. (APPNOTE.TXT 6.3.10, section 4.6.9
    and appendix D.)

    Args:
        name: The name's bytes in the directory.
        flags: The general purpose bits.
        system: The system that made the entry (0 DOS and Windows, 3 Unix, …).
        unicode_path: The unicode-path extra field; empty when there is none.

    Returns:
        The bytes that replace the name, empty when nothing does; the encoding of these bytes, or of the name; and what
        is wrong with them, empty when nothing is.
    """
    if not unicode_path and name.isascii():
        return b"", "ascii", ""
    unicode_name = b""
    if unicode_path[:1] == b"\x01" and unicode_path[1:5] == zlib.crc32(name).to_bytes(4, "little"):
        unicode_name, flags = unicode_path[5:], flags | _UTF8_FLAG
    if not flags & _UTF8_FLAG and system not in _UNIX_HOSTS:
        return b"", "cp437", ""
    try:
        (unicode_name or name).decode("utf-8")
    except UnicodeDecodeError:
        return (unicode_name, "utf-8", "its name is not valid UTF-8") if flags & _UTF8_FLAG else (b"", "cp437", "")
    return unicode_name, "utf-8", ""
