"""`orchard similar`: answers as a table, as JSON and as a page, of a run in a folder and of one in AWS."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from orchard import cache
from tests.support.cloud.fake import FakeCloud, orchard
from tests.support.pictures.drawn import draw_fruit
from tests.support.small_run import ARCHIVE, seal


@pytest.fixture
def kiwi(small: Path, tmp_path: Path) -> Path:
    file = tmp_path / "my kiwi.jpg"
    file.write_bytes(draw_fruit("Kiwi", 77))
    return file


def test_a_table_says_what_a_picture_is_like(small: Path, kiwi: Path) -> None:
    said = orchard("similar", small, kiwi, "--local", "-k", 3)
    assert said.exit_code == 0, said.stderr
    headline, titles, *rows = said.stdout.splitlines()
    assert headline == f"{kiwi}: Kiwi, 5 of 5 say so"
    assert titles.split() == ["Distance", "Label", "Split", "Image"]
    assert [row.split()[1] for row in rows] == ["Kiwi"] * 3
    assert all(f"{ARCHIVE}#fruits/" in row for row in rows)


def test_json_says_it_to_programs_and_what_is_no_picture_beside_it(small: Path, kiwi: Path) -> None:
    (small.parent / "note.jpg").write_text("not a picture")
    said = orchard("similar", small, "--local", small.parent / "note.jpg", kiwi, "--json", "-k", "1")
    assert said.exit_code == 0, said.stderr
    told = json.loads(said.stdout)
    assert (told["run"], told["images"], told["components"]) == (small.name, 32, 6)
    note, answer = told["pictures"]
    assert note == {"picture": str(small.parent / "note.jpg"), "error": "not an image: text"}
    assert f"{small.parent / 'note.jpg'} cannot be compared: not an image: text" in said.stderr
    [nearest] = answer.pop("neighbours")
    assert answer == {"picture": str(kiwi), "label": "Kiwi", "votes": 5, "voters": 5, "share": 1.0, "unknown": False}
    assert set(nearest) == {"s3_path", "path", "label", "split", "distance"}
    assert nearest["s3_path"] == f"{ARCHIVE}#{nearest['path']}"


def test_a_page_takes_the_place_of_another_and_of_nothing_else(small: Path, kiwi: Path, tmp_path: Path) -> None:
    before, page = kiwi.read_bytes(), tmp_path / "page.html"
    said = orchard("similar", small, kiwi, "--local", "--html", kiwi)
    assert said.exit_code == 2
    assert f"Error: The page cannot go to {kiwi}\n  it is there already" in said.stderr
    assert kiwi.read_bytes() == before
    page.touch()
    for _ in range(2):
        assert orchard("similar", small, kiwi, "--local", "--html", page).exit_code == 0
        assert "data:image/webp" in page.read_text()


def test_a_picture_comes_through_a_pipe(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pipe:
        buffer = io.BytesIO(draw_fruit("Banana", 3))

    monkeypatch.setattr("orchard.runs.similar.pictures.sys", type("sys", (), {"stdin": Pipe}))
    said = orchard("similar", small, "-", "--local")
    assert said.stdout.startswith("-: Banana, 5 of 5 say so\n"), said.stderr


@pytest.mark.parametrize(
    ("pictures", "headline", "cause"),
    [
        (["gone.jpg"], "gone.jpg cannot be compared", "No such file or directory"),
        (["gone.jpg", "lost.jpg"], "None of the 2 pictures can be compared", "gone.jpg: No such file"),
        (["-", "-"], "- is given twice", "one picture"),
        (["empty"], "There are no pictures in empty", "none of its files"),
    ],
)
def test_where_nothing_can_be_answered_it_is_wrong_usage(
    small: Path, monkeypatch: pytest.MonkeyPatch, pictures: list[str], headline: str, cause: str
) -> None:
    monkeypatch.chdir(small.parent)
    (small.parent / "empty").mkdir()
    said = orchard("similar", small, "--local", *pictures)
    assert (said.exit_code, said.stdout) == (2, "")
    assert f"Error: {headline}\n  {cause}" in said.stderr


def test_without_its_model_it_is_said_what_brings_it(small: Path, kiwi: Path) -> None:
    (cache.models_dir() / "small" / "manifest.json").unlink()
    said = orchard("similar", small, kiwi, "--local")
    assert said.exit_code == 3
    assert f"of a run in AWS, orchard similar {small.name} brings it" in said.stderr
    assert "Next: python -m orchard.features.export --weights small.h5 --out" in said.stderr


def leave(cloud: FakeCloud, run: Path) -> None:
    """Put a run's files into the results bucket."""
    for file in run.rglob("*"):
        if file.is_file():
            cloud.put(f"runs/{run.name}/{file.relative_to(run).as_posix()}", file.read_bytes())


class TestInAws:
    @pytest.fixture
    def cloud(self, make_cloud: Callable[..., FakeCloud], small: Path) -> FakeCloud:
        """The run is there, and its model; nothing of them is on this machine."""
        cloud = make_cloud()
        cloud.start(small.name)
        cloud.ended(small.name)
        leave(cloud, small)
        model = cache.models_dir() / "small"
        about = json.loads((small / "summary.json").read_text())["model"]
        for file in model.iterdir():
            cloud.put(f"models/{about['id']}/{file.name}", file.read_bytes(), "ArtefactsBucketName")
            file.unlink()
        return cloud

    def test_it_is_fetched_once(self, cloud: FakeCloud, small: Path, kiwi: Path) -> None:
        first = orchard("similar", "fruits", kiwi)
        assert first.exit_code == 0, first.stderr
        assert first.stdout.startswith(f"{kiwi}: Kiwi, 5 of 5 say so\n")
        assert [line.split()[0] for line in first.stderr.splitlines()] == ["reading", "fetching"]
        second = orchard("similar", "fruits", kiwi)
        assert (second.stdout, second.stderr) == (first.stdout, "")

    def test_the_page_has_its_pictures(self, cloud: FakeCloud, small: Path, kiwi: Path, tmp_path: Path) -> None:
        said = orchard("similar", small.name, kiwi, "--html", tmp_path / "new" / "page.html", "-k", "2")
        assert said.exit_code == 0, said.stderr
        assert (tmp_path / "new" / "page.html").read_text().count('<img src="data:image/webp;base64,') == 3

    def test_of_a_run_that_uses_files_of_another(
        self, cloud: FakeCloud, small: Path, kiwi: Path, tmp_path: Path
    ) -> None:
        earlier, derived = (Path(shutil.copytree(small, tmp_path / name)) for name in ("earlier-1", "derived-1"))
        seal(earlier)
        for folder in ("images", "pca_model"):
            shutil.rmtree(derived / folder)
        origin = {"origin": dict.fromkeys(("images", "components"), "earlier-1")}
        summary = json.loads((derived / "summary.json").read_text())
        (derived / "summary.json").write_text(json.dumps(summary | origin))
        seal(derived)
        leave(cloud, earlier)
        leave(cloud, derived)
        asked = ("similar", "derived-1", kiwi, "--html", tmp_path / "page.html", "-k", "2")
        said = orchard(*asked)
        assert said.exit_code == 0, said.stderr
        assert said.stdout.startswith(f"{kiwi}: Kiwi, 5 of 5 say so\n")
        assert (tmp_path / "page.html").read_text().count('<img src="data:image/webp;base64,') == 3
        assert orchard("clean", "outputs", "earlier-1", "--needed", "--yes").exit_code == 0
        said = orchard(*asked)
        assert said.exit_code == 1
        assert "The results of the run earlier-1 were deleted\n  the run derived-1 uses files of it" in said.stderr

    def test_results_that_were_deleted_are_not_answered_from_the_cache(
        self, cloud: FakeCloud, small: Path, kiwi: Path
    ) -> None:
        assert orchard("similar", small.name, kiwi).exit_code == 0
        assert orchard("clean", "outputs", small.name, "--yes").exit_code == 0
        said = orchard("similar", small.name, kiwi)
        assert said.exit_code == 1
        assert "were deleted" in said.stderr

    def test_a_model_that_is_gone_or_another(self, cloud: FakeCloud, small: Path, kiwi: Path) -> None:
        model = json.loads((small / "summary.json").read_text())["model"]["id"]
        cloud.put(f"models/{model}/model.onnx", "another", "ArtefactsBucketName")
        said = orchard("similar", small.name, kiwi)
        assert said.exit_code == 3
        assert "model.onnx has the SHA-256" in said.stderr
        cloud.remove(f"models/{model}/model.onnx", "ArtefactsBucketName")
        said = orchard("similar", small.name, kiwi)
        assert said.exit_code == 3
        assert f"Error: The run's model {model} is not there" in said.stderr
        assert not (cache.models_dir() / model).exists()
