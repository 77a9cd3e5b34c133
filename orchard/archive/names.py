r"""What a member's path gives away: droppings of tools, unsafe names, pictures.

Nothing is ever written to a path out of an archive. Unsafe names are still rejected, because the paths go on into the
results, and whoever exports pictures from there must be able to trust them. Paths that differ only in case or in
Unicode normalisation are different paths and stay: the results are no file system.
"""

from __future__ import annotations

import re

from orchard.archive.ignored import NOT_AN_IMAGE

SUFFIXES = (
    *("jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "dib", "gif", "tif", "tiff"),
    *("avif", "jp2", "j2k", "jpf", "jpx", "j2c", "jpc"),
)
"""The usual suffixes of the formats that are read, in any case; what a file really holds decides how it is decoded."""

MAX_COMPONENT_BYTES = 255
"""The longest file name that common file systems take, in bytes of UTF-8."""

_PICTURE = re.compile(rf"\.(?:{'|'.join(SUFFIXES)})\Z", re.IGNORECASE)
_SUFFIX = re.compile(r"\.[A-Za-z0-9_]{1,12}\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DRIVE = re.compile(r"[A-Za-z]:")

_FILES = {
    ".ds_store": "macOS folder settings",
    "icon\r": "macOS folder icon",
    "thumbs.db": "Windows thumbnails",
    "ehthumbs.db": "Windows thumbnails",
    "desktop.ini": "Windows folder settings",
    ".picasa.ini": "Picasa's settings",
    ".nomedia": "Android folder settings",
}
_FOLDERS = {
    "__macosx": "macOS resource fork",
    ".appledouble": "macOS resource fork",
    ".spotlight-v100": "macOS search index",
    ".fseventsd": "macOS file events",
    ".temporaryitems": "macOS temporary file",
    ".trashes": "in a waste bin",
    "$recycle.bin": "in a waste bin",
    "recycler": "in a waste bin",
    "#recycle": "in a waste bin",
    "@recycle": "in a waste bin",
    "system volume information": "Windows system file",
    "@eadir": "NAS thumbnail",
    ".@__thumb": "NAS thumbnail",
    ".thumbnails": "thumbnail",
    ".ipynb_checkpoints": "Jupyter checkpoint",
    ".git": "Git's own file",
}


def dropping_reason(path: str) -> str:
    """Why a file was left by a tool and is none of the user's, whatever it holds; empty when it may be the user's."""
    *folders, name = path.lower().split("/")
    for folder in folders:
        if reason := _FOLDERS.get(folder) or ("in a waste bin" if folder.startswith(".trash-") else ""):
            return reason
    if name.startswith("._"):
        return "macOS resource fork"
    if name.startswith(".trashed-"):
        return "in a waste bin"
    return _FILES.get(name, "")


def unsafe_reason(path: str) -> str:
    """Why a path must not be trusted; empty when it may be."""
    if not path:
        return "it has no name"
    if "\0" in path:
        return "its name holds a NUL"
    if _CONTROL.search(path):
        return "its name holds a control character"
    if "\\" in path:
        return "its name holds a backslash"
    if _DRIVE.match(path):
        return "its name begins with a drive"
    components = path.split("/")
    if ".." in components:
        return "its name climbs out of the archive (..)"
    if len(path) * 4 > MAX_COMPONENT_BYTES and any(len(part.encode()) > MAX_COMPONENT_BYTES for part in components):
        return f"a part of its name is longer than {MAX_COMPONENT_BYTES} bytes"
    return ""


def no_image_reason(path: str) -> str:
    """Why a file is not taken for an image by its name; empty when it is."""
    if _PICTURE.search(path):
        return ""
    suffix = _SUFFIX.search(path)
    return f"{NOT_AN_IMAGE}{suffix[0].lower() if suffix else 'no usual suffix'}"
