"""Names that are not trusted, and names of files that are nobody's pictures."""

import pytest

from orchard.archive.names import noise_reason, unsafe_reason


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("../foo/bar.jpg", "climbs"),
        ("foo/../bar.jpg", "climbs"),
        ("foo/../../bar.jpg", "climbs"),
        ("foo/bar/..", "climbs"),
        ("./../foo/bar.jpg", "climbs"),
        ("../../foo../../ba..r.jpg", "climbs"),
        ("/foo/bar.jpg", "absolute"),
        ("//foo/bar.jpg", "absolute"),
        ("foo/..\\bar.jpg", "backslash"),
        ("..\\foo\\bar.jpg", "backslash"),
        ("C:\\foo.jpg", "backslash"),
        ("\\\\srv\\share\\x.jpg", "backslash"),
        ("C:foo/bar.jpg", "drive"),
        ("c:/foo.jpg", "drive"),
        ("a\0.jpg", "NUL"),
        ("a\n.jpg", "control"),
        ("a\x1b[31m.jpg", "control"),
        ("a\x7f.jpg", "control"),
        ("a\x85.jpg", "control"),
        ("", "no name"),
        ("a" * 252 + ".jpg", "longer"),
        ("é" * 126 + ".jpg", "longer"),
        ("ok/" + "é" * 128 + "/1.jpg", "longer"),
    ],
)
def test_unsafe_names_are_found_out(path: str, word: str) -> None:
    assert word in unsafe_reason(path)


@pytest.mark.parametrize(
    "path",
    [
        "fruits/Training/Apple Braeburn 1/0_100.jpg",
        "..jpg",
        "a..b/c...jpg",
        ".hidden/1.jpg",
        "12:30:01.jpg",
        "Pêche/ﬁg 🍐.jpg",
        "a" * 251 + ".jpg",
        "/".join(["d" * 250] * 20) + "/1.jpg",
        "100% +&#;'\"$(rm -rf).jpg",
    ],
)
def test_odd_but_safe_names_pass(path: str) -> None:
    assert unsafe_reason(path) == ""


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("__MACOSX/fruits/._1.jpg", "macOS resource fork"),
        ("fruits/__MACOSX/1.jpg", "macOS resource fork"),
        ("fruits/._1.jpg", "macOS resource fork"),
        ("fruits/.DS_Store", "macOS folder settings"),
        ("Thumbs.db", "Windows thumbnails"),
        ("fruits/THUMBS.DB", "Windows thumbnails"),
        ("fruits/desktop.ini", "Windows folder settings"),
        ("README", "not a JPEG or PNG"),
        ("labels.csv", "not a JPEG or PNG"),
        ("fruits/1.jpg.txt", "not a JPEG or PNG"),
        ("fruits/1.webp", "not a JPEG or PNG"),
        ("fruits/clip.mp4", "not a JPEG or PNG"),
    ],
)
def test_noise_is_ignored_for_a_reason(path: str, reason: str) -> None:
    assert noise_reason(path) == reason


@pytest.mark.parametrize("path", ["1.jpg", "a/1.JPG", "a/1.jpeg", "a/1.Png", "a/1.jfif", "a/1.jpe", "my__MACOSX/1.jpg"])
def test_jpeg_and_png_are_pictures_in_any_case(path: str) -> None:
    assert noise_reason(path) == ""
