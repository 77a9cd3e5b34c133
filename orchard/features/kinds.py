"""What a file is, by its first bytes; its name is not asked.

Sources: the formats' own specifications, and the magic numbers of the Unix command `file`.
"""

from __future__ import annotations

import re

_HEAD = 1024  # bytes that are looked at

_AVIF = "AVIF"
_READ = (
    (rb"\xff\xd8\xff", "JPEG"),
    (rb"\x89PNG\r\n\x1a\n", "PNG"),
    (rb"RIFF....WEBP", "WebP"),
    (rb"GIF8[79]a", "GIF"),
    (rb"II\*\0|MM\0\*|II\+\0|MM\0\+", "TIFF"),
    (rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", "BMP"),
    (rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", "JPEG 2000"),
)
"""Those that have a parser here, if the libraries have it; beside them AVIF, which tells itself by its brands."""

_BRANDS = (
    ((b"avif", b"avis"), _AVIF),
    ((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"), "HEIC"),
    ((b"crx ",), "a camera's raw file"),
)
"""Of pictures in the boxes that videos have too (ISO/IEC 23000-22 and 23008-12)."""

_PICTURES = (
    (rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (rb"FUJIFILMCCD-RAW|II[U*]\0.{4}CR", "a camera's raw file"),
    (rb"8BPS", "Photoshop"),
    (rb"P[1-7]\s", "Netpbm"),
    (rb"\0\0[\x01\x02]\0[^\0]\0", "a Windows icon"),
    (rb"\0\0[\x02\x03\x0a\x0b]\0{5}.{8}[\x08\x0f\x10\x18\x20]", "TGA"),
    (rb"\x0a[\0\x02-\x05]\x01[\x01\x02\x04\x08]", "PCX"),
    (rb"icns", "a macOS icon"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "PostScript"),
    (rb"v/1\x01", "OpenEXR"),
    (rb"#\?RADIANCE|#\?RGBE", "Radiance HDR"),
    (rb"DDS ", "DDS"),
    (rb".{128}DICM", "DICOM"),
    (rb"SIMPLE  =", "FITS"),
    (rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*|<!DOCTYPE svg[^>]*>\s*)*<svg\b", "SVG"),
    (rb"(?:data:image/|/9j/[\w+/]{16}|iVBORw0KGgo)", "a picture as base64 text"),
)
"""Pictures without a parser here."""

_OTHERS = (
    (rb"version https://git-lfs\.github\.com/spec/", "a Git LFS pointer (git lfs pull fetches the picture)"),
    (rb"(?:\.\./)*\.?(?:git/)?/?annex/objects/", "a git-annex pointer (git annex get fetches the picture)"),
    (rb"(?i)(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body|script|title|meta)\b", "HTML"),
    (rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|[A-Za-z][\w:-]*[\s>/])", "XML"),
    (rb"\s*\{\s*[\"}]|\s*\[\s*[\[{\"\]\d-]", "JSON"),
    (rb"%PDF-", "PDF"),
    (rb"PK(?:\x03\x04|\x05\x06|\x07\x08)", "a zip"),
    (rb"Rar!\x1a\x07|7z\xbc\xaf\x27\x1c|\x1f\x8b|.{257}ustar|BZh[1-9]1AY|\xfd7zXZ\0|\x28\xb5\x2f\xfd", "an archive"),
    (rb"....(?:ftyp|moov|mdat|wide)|\x1a\x45\xdf\xa3|RIFF....AVI |\0\0\x01[\xba\xb3]|OggS|FLV\x01", "a video"),
    (rb"RIFF....WAVE|ID3|fLaC", "a sound"),
    (rb"\0\x05\x16[\0\x07]", "a macOS resource fork"),
    (rb"\x89HDF\r\n", "HDF5"),
    (rb"\x93NUMPY", "NumPy"),
    (rb"PAR1", "Parquet"),
    (rb"SQLite format 3", "SQLite"),
    (rb"\x7fELF|MZ.{58}", "a program"),
    (rb"\0{16}", "it begins with zeros"),
)
"""What is no picture."""

_NOT_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def kind_of(content: bytes) -> str:
    """The format of a picture that may be read here; empty for anything else.

    Args:
        content: The file's bytes, or the first of them.
    """
    return _first(_READ, content[:_HEAD]) or (_AVIF if _by_brand(content[:_HEAD]) == _AVIF else "")


def why_unread(content: bytes) -> str:
    """Why a file is none of the pictures that are read here, by what it is.

    Args:
        content: The file's bytes, or the first of them; `kind_of` is empty for them.
    """
    if not content:
        return "empty file"
    head = content[:_HEAD]
    if name := kind_of(head) or _by_brand(head) or _first(_PICTURES, head):
        return f"{name}, which is not read"
    name = _first(_OTHERS, head) or ("text" if _is_text(head) else "")
    return f"not an image: {name}" if name else "not an image"


def _first(signatures: tuple[tuple[bytes, str], ...], head: bytes) -> str:
    return next((name for pattern, name in signatures if re.match(pattern, head, re.DOTALL)), "")


def _by_brand(head: bytes) -> str:
    """The kind of a picture that begins with an `ftyp` box: its own brand decides, or the first that it is like."""
    if head[4:8] != b"ftyp":
        return ""
    length = min(int.from_bytes(head[:4], "big"), len(head))
    like = [head[place : place + 4] for place in range(16, length, 4)]
    by_itself = [name for brands, name in _BRANDS if head[8:12] in brands[:8]]
    return next(iter(by_itself + [name for brands, name in _BRANDS if {head[8:12], *like} & set(brands)]), "")


def _is_text(head: bytes) -> bool:
    if head.startswith(_UTF_16):
        return True
    if _NOT_TEXT.search(head):
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4 and len(head) == _HEAD  # a letter that the end of the head cuts
    return True
