"""Names that are not trusted, and names of files that are nobody's pictures."""

import pytest

from orchard.archive.names import dropping_reason, no_image_reason, unsafe_reason


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("../foo/bar.jpg", "climbs"),
        ("foo/../bar.jpg", "climbs"),
        ("foo/../../bar.jpg", "climbs"),
        ("foo/bar/..", "climbs"),
        ("./../foo/bar.jpg", "climbs"),
        ("../../foo../../ba..r.jpg", "climbs"),
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
        ("fruits/Icon\r", "macOS folder icon"),
        ("Thumbs.db", "Windows thumbnails"),
        ("fruits/THUMBS.DB", "Windows thumbnails"),
        ("fruits/desktop.ini", "Windows folder settings"),
        ("Apple/.ipynb_checkpoints/0-checkpoint.jpg", "Jupyter checkpoint"),
        ("Apple/@eaDir/0.jpg/SYNOPHOTO_THUMB_M.jpg", "NAS thumbnail"),
        ("fruits/.Trash-1000/files/old.jpg", "in a waste bin"),
        ("$RECYCLE.BIN/$R1A2B3C.jpg", "in a waste bin"),
        ("Kiwi/.trashed-1700000000-IMG_1.jpg", "in a waste bin"),
        ("DCIM/.thumbnails/1.jpg", "thumbnail"),
    ],
)
def test_what_tools_leave_behind_is_known_by_its_name(path: str, reason: str) -> None:
    assert dropping_reason(path) == reason


@pytest.mark.parametrize("path", ["my__MACOSX/1.jpg", "Trash-1/1.jpg", "@eaDir.jpg", "Icon.jpg", "thumbs.db/1.jpg"])
def test_what_only_looks_like_it_is_the_users(path: str) -> None:
    assert dropping_reason(path) == ""


@pytest.mark.parametrize(
    ("path", "suffix"),
    [
        ("README", "no usual suffix"),
        ("photo.jpg_large", ".jpg_large"),
        ("photo.jpg ", "no usual suffix"),
        ("photo.jpg?w=300", "no usual suffix"),
        ("labels.csv", ".csv"),
        ("fruits/1.jpg.TXT", ".txt"),
        ("fruits.jpg/IMG_1", "no usual suffix"),
        ("IMG_1.HEIC", ".heic"),
    ],
)
def test_a_file_of_another_kind_is_told_by_its_suffix(path: str, suffix: str) -> None:
    assert no_image_reason(path) == f"not an image: {suffix}"


@pytest.mark.parametrize(
    "name",
    ["1.jpg", "1.JPG", "1.jpeg", "1.Png", "1.jfif", "1.jpe", "1.webp", "1.bmp", "1.gif", "1.tif", "1.TIFF", "1.avif"],
)
def test_the_usual_suffixes_are_pictures_in_any_case(name: str) -> None:
    assert no_image_reason(f"a/{name}") == ""
