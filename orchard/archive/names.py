"""What a member's path gives away: unsafe names, noise, pictures.

Nothing is ever written to a path out of an archive. Unsafe names are still rejected, because the paths go on into the
results, and whoever exports pictures from there must be able to trust them. Paths that differ only in case or in
Unicode normalisation are different paths and stay: the results are no file system.
"""

from __future__ import annotations

import re

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png")
"""The usual suffixes of JPEG and PNG, the two formats that runs are made of; in any case."""

MAX_COMPONENT_BYTES = 255
"""The longest file name that common file systems take, in bytes of UTF-8."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DRIVE = re.compile(r"[A-Za-z]:")
_NOISE = {
    ".ds_store": "macOS folder settings",
    "thumbs.db": "Windows thumbnails",
    "desktop.ini": "Windows folder settings",
}


def unsafe_reason(path: str) -> str:
    """Why a path must not be trusted; empty when it may be.

    Args:
        path: A member's path, decoded.
    """
    if not path:
        return "it has no name"
    if "\0" in path:
        return "its name holds a NUL"
    if _CONTROL.search(path):
        return "its name holds a control character"
    if "\\" in path:
        return "its name holds a backslash"
    if path.startswith("/"):
        return "its name is an absolute path"
    if _DRIVE.match(path):
        return "its name begins with a drive"
    components = path.split("/")
    if ".." in components:
        return "its name climbs out of the archive (..)"
    if len(path) * 4 > MAX_COMPONENT_BYTES and any(len(part.encode()) > MAX_COMPONENT_BYTES for part in components):
        return f"a part of its name is longer than {MAX_COMPONENT_BYTES} bytes"
    return ""


def noise_reason(path: str) -> str:
    """Why a file is none of the user's pictures, whatever it holds; empty when it may be one.

    Args:
        path: A member's path, decoded.
    """
    folders, _, name = path.rpartition("/")
    if "__MACOSX" in folders.split("/") or name.startswith("._"):
        return "macOS resource fork"
    return _NOISE.get(name.lower(), "") or ("" if name.lower().endswith(PICTURE_SUFFIXES) else "not a JPEG or PNG")
