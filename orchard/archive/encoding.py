"""How the bytes of a member's name become its path."""

from __future__ import annotations

import re
import zlib
from typing import NamedTuple

NO_FOLDERS = re.compile(r"(?:^|(?<=/))(?:\.?/)+")
"""Parts of a path that name no folder, with their slashes: a leading `/`, `./` and the second of two slashes.

Info-ZIP's unzip and Python's zipfile extract `./a//1.jpg` and `a/1.jpg` to one file."""

_UTF8_FLAG = 0x0800
_DOS_HOSTS = (0, 6, 10, 11, 14)  # FAT, HPFS, NTFS twice (APPNOTE.TXT says 10, Info-ZIP writes 11), VFAT


class Naming(NamedTuple):
    r"""The rules of one archive.

    Attributes:
        encoding: What names are that are not UTF-8; cp437 where nobody says.
        backslash_parts: Whether `\` parts folders in the entries of every system, and not only of DOS and Windows.
    """

    encoding: str | None = None
    backslash_parts: bool = False

    def decode(self, name: bytes, flags: int, system: int, unicode_path: bytes) -> tuple[str, str, bool]:
        r"""Read a name.

        What is UTF-8 is read as UTF-8, flag or not: old tools of every system store the file system's own bytes. The
        unicode-path extra field replaces the name when its CRC shows that it was written for this name. (APPNOTE.TXT
        6.3.10, section 4.6.9 and appendix D.) Backslashes are looked for after decoding: in Shift-JIS and its like one
        may be half of a character.

        Args:
            flags: The general purpose bits.
            system: The system that made the entry (0 DOS and Windows, 3 Unix, …).
            unicode_path: The unicode-path extra field; empty when there is none.

        Returns:
            The path, without parts that name no folder; what is wrong with the name's bytes, empty when nothing is; and
            whether it is read as cp437 since it is not UTF-8 and nobody has said what it is.
        """
        if unicode_path[:1] == b"\x01" and unicode_path[1:5] == zlib.crc32(name).to_bytes(4, "little"):
            name, flags = unicode_path[5:], flags | _UTF8_FLAG
        is_guess = False
        try:
            path = name.decode()
        except UnicodeDecodeError:
            is_guess = not (self.encoding or flags & _UTF8_FLAG)
            encoding = self.encoding or ("utf-8" if flags & _UTF8_FLAG else "cp437")
            try:
                path = name.decode(encoding)
            except UnicodeDecodeError:
                what = "valid UTF-8" if encoding == "utf-8" else f"{encoding} text"
                return name.decode(encoding, "backslashreplace"), f"its name is not {what}", False
        if "\\" in path and (self.backslash_parts or system in _DOS_HOSTS):
            path = path.replace("\\", "/")
        return NO_FOLDERS.sub("", path) or path[-1:], "", is_guess
