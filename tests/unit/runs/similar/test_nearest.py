"""A run is asked in Python: which of its images are most like a picture."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import orchard
from orchard import cache
from orchard.cache.held import UNFINISHED
from orchard.cli.settings import Settings
from orchard.cli.similar import opened
from orchard.errors import EnvironmentNotReadyError, OrchardError, RunFailedError, UsageError
from orchard.runs.folder import Marker, mark
from orchard.runs.similar import index
from orchard.runs.similar.page import pictures_of
from tests.support.pictures.drawn import draw_fruit, fruit_members
from tests.support.small_run import ARCHIVE, seal, small_model, small_run

MEMBERS = fruit_members()


@pytest.fixture
def run(small: Path) -> Path:
    return small


def kept() -> list[Path]:
    return sorted(cache.similar_dir().iterdir())


class TestAnswers:
    def test_an_image_of_the_run_is_found_itself_with_all_that_is_known_of_it(self, run: Path) -> None:
        known = orchard.similar(run)
        assert (known.run, known.images, known.components) == (run.name, len(MEMBERS), 6)
        for path, answer in zip(MEMBERS, known.nearest(*MEMBERS.values()), strict=True):
            first, *others = answer.neighbours
            split, label = path.split("/")[1:3]
            assert first.distance == pytest.approx(0, abs=1e-2)  # float32, of some 10,000
            assert (first.path, first.label, first.split) == (path, label, split)
            assert first.s3_path == f"{ARCHIVE}#{path}"
            assert [one.distance for one in others] == sorted(one.distance for one in others)
            assert (answer.unknown, answer.error) == (False, "")

    def test_they_are_those_of_brute_force_among_the_components(self, run: Path) -> None:
        table = pq.read_table(run / "pca")
        values = np.array(table.column("components").to_pylist())
        paths = table.column("path").to_pylist()
        at = paths.index("fruits/Test/Kiwi/1_100.jpg")
        expected = np.linalg.norm(values - values[at], axis=1)
        [answer] = orchard.similar(str(run)).nearest(MEMBERS[paths[at]], neighbours=9)
        assert [one.path for one in answer.neighbours] == [paths[row] for row in np.argsort(expected)[:9]]
        assert [one.distance for one in answer.neighbours[1:]] == pytest.approx(np.sort(expected)[1:9], rel=1e-4)

    @pytest.mark.parametrize("label", ["Banana", "Kiwi"])
    def test_a_new_picture_is_named(self, run: Path, label: str) -> None:
        [answer] = orchard.similar(run).nearest(draw_fruit(label, 77, side=333, image_format="PNG"))
        assert (answer.label, answer.votes, answer.voters, answer.share) == (label, 5, 5, 1.0)

    def test_what_looks_like_nothing_there_is_told(self, run: Path) -> None:
        file = BytesIO()
        Image.new("RGB", (50, 50), (0, 0, 255)).save(file, "PNG")
        blue, kiwi = orchard.similar(run).nearest(file.getvalue(), draw_fruit("Kiwi", 1))
        assert (blue.unknown, kiwi.unknown) == (True, False)

    def test_how_many_are_found_and_how_many_vote_are_two_things(self, run: Path) -> None:
        known = orchard.similar(run)
        one, every = (known.nearest(draw_fruit("Kiwi", 9), neighbours=count)[0] for count in (1, 1000))
        assert (len(one.neighbours), len(every.neighbours)) == (1, len(MEMBERS))
        assert (one.label, one.votes, one.voters) == (every.label, every.votes, every.voters) == ("Kiwi", 5, 5)

    def test_images_in_no_folder_do_not_vote(self, run: Path, tmp_path: Path) -> None:
        mixed = {path.rpartition("/")[2] if "Kiwi" in path else path: content for path, content in MEMBERS.items()}
        other = small_run(tmp_path / "mixed-0123456789ab", mixed, small_model(tmp_path / "same"))
        [answer] = orchard.similar(other).nearest(draw_fruit("Kiwi", 9), neighbours=len(MEMBERS))
        assert [one.label for one in answer.neighbours[:5]] == [""] * 5
        assert (answer.label, answer.votes, answer.voters) == ("", 0, 5)

    def test_files_and_folders_are_answered_in_their_order_each_bad_one_with_its_reason(
        self, run: Path, tmp_path: Path
    ) -> None:
        folder = tmp_path / "mine"
        (folder / "more").mkdir(parents=True)
        (folder / "b.jpg").write_bytes(draw_fruit("Banana", 1))
        (folder / "a.jpg").write_bytes(draw_fruit("Kiwi", 1)[:600])
        (folder / "more" / "c.PNG").write_bytes(draw_fruit("Kiwi", 2, image_format="PNG"))
        (folder / "notes.txt").write_text("none")
        (folder / "._b.jpg").write_bytes(b"a resource fork")
        answers = orchard.similar(run).nearest(folder, tmp_path / "gone.jpg", folder / "notes.txt", folder / "b.jpg")
        assert [(Path(one.picture).name, one.label, one.error) for one in answers] == [
            ("a.jpg", "", "truncated JPEG"),
            ("b.jpg", "Banana", ""),
            ("c.PNG", "Kiwi", ""),
            ("gone.jpg", "", "No such file or directory"),
            ("notes.txt", "", "not an image: text"),
            ("b.jpg", "Banana", ""),
        ]

    def test_a_file_larger_than_a_picture_of_a_run_may_be(
        self, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("orchard.runs.similar.pictures._MOST_BYTES", 1 << 20)
        (tmp_path / "large.jpg").write_bytes(bytes((1 << 20) + 1))
        [answer] = orchard.similar(run).nearest(tmp_path / "large.jpg")
        assert answer.error == "it has more than 1 MiB"

    def test_what_makes_no_sense_is_refused(self, run: Path) -> None:
        known = orchard.similar(run)
        with pytest.raises(UsageError, match="0 neighbours cannot be found"):
            known.nearest(b"", neighbours=0)
        with pytest.raises(UsageError, match="nothing was given to be compared"):
            known.nearest()


class TestCache:
    def test_a_second_time_the_run_is_not_read(self, run: Path) -> None:
        first = orchard.similar(run).nearest(draw_fruit("Kiwi", 9))
        shutil.rmtree(run / "pca")
        assert orchard.similar(run).nearest(draw_fruit("Kiwi", 9)) == first

    def test_a_run_that_was_made_again_is_read_again(self, run: Path, tmp_path: Path) -> None:
        orchard.similar(run)
        shutil.rmtree(run)
        fewer = dict(list(MEMBERS.items())[:20])
        small_run(run, fewer, small_model(tmp_path / "same"))
        assert orchard.similar(run).images == 20

    @pytest.mark.parametrize("name", ["facts.json", "rows.f32", "labels.npy", "paths.utf8"])
    @pytest.mark.parametrize("damage", [os.remove, lambda file: os.truncate(file, 3)])
    def test_what_is_not_whole_is_made_again(self, run: Path, name: str, damage: Callable[[Path], None]) -> None:
        first = orchard.similar(run).nearest(draw_fruit("Kiwi", 9))
        [folder] = kept()
        damage(folder / name)
        assert orchard.similar(run).nearest(draw_fruit("Kiwi", 9)) == first

    def test_what_could_not_be_finished_is_not_there(self, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(index, "best_voters", None)
            with pytest.raises(TypeError):
                orchard.similar(run)
        assert kept() == []
        assert orchard.similar(run).images == len(MEMBERS)

    def test_the_runs_asked_last_are_kept(self, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(index, "KEPT", 2)
        for number, other in enumerate(("others-1", "others-2", f"{UNFINISHED}1")):
            (cache.similar_dir() / other).mkdir(parents=True)
            os.utime(cache.similar_dir() / other, (number, number))
        orchard.similar(run)
        assert [path.name.partition("-0")[0] for path in kept()] == [f"{UNFINISHED}1", "fruits", "others-2"]


def spoil_model(run: Path) -> None:
    (cache.models_dir() / "small" / "model.onnx").write_bytes(b"another")


def spoil_summary(run: Path) -> None:
    (run / "summary.json").write_text("{}")


def spoil_components(run: Path) -> None:
    next((run / "pca").iterdir()).write_bytes(b"shorter")


def other_model(run: Path) -> None:
    file = next((run / "pca_model" / "data").iterdir())
    table = pq.read_table(file)
    [matrix] = table.column("pc").to_pylist()
    matrix |= {"numCols": 3, "values": matrix["values"][: 3 * matrix["numRows"]]}
    pq.write_table(table.set_column(0, "pc", [[matrix]]), file)
    seal(run)


def no_images(run: Path) -> None:
    shutil.rmtree(run / "pca")
    seal(run)


@pytest.mark.parametrize(
    ("spoil", "kind", "said", "following"),
    [
        (shutil.rmtree, UsageError, "There is no run|There is no folder", ""),
        (lambda run: (run / "_manifest.json").unlink(), UsageError, "does not hold a complete run", "orchard results"),
        (spoil_summary, RunFailedError, "summary.json has 2 bytes", ""),
        (spoil_components, RunFailedError, "were changed", ""),
        (other_model, RunFailedError, "its model has 3 components, and its images 6", ""),
        (no_images, RunFailedError, "its pca/ is empty", ""),
        (spoil_model, EnvironmentNotReadyError, "not on this machine", "python -m orchard.features.export --weights"),
    ],
)
def test_a_run_that_cannot_be_asked_says_why(
    run: Path, spoil: Callable[[Path], None], kind: type[OrchardError], said: str, following: str
) -> None:
    spoil(run)
    with pytest.raises(kind, match=said) as refused, opened(Settings(), run, lambda _: None):
        pass
    assert refused.value.next_command.startswith(following)


def test_it_is_said_what_has_to_be_installed(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EnvironmentNotReadyError) as refused:
        orchard.similar(run)
    assert refused.value.next_command == "pip install 'orchard[similar]'"


def test_the_addresses_are_those_of_metadata_whatever_the_sources(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text())
    summary["archive"] |= {"sources": ["s3://a/fruits.zip", "s3://b/more/"]}
    (run / "summary.json").write_text(json.dumps(summary))
    seal(run)
    [answer] = orchard.similar(run).nearest(MEMBERS["fruits/Test/Kiwi/1_100.jpg"])
    assert answer.neighbours[0].s3_path == "s3://a/fruits.zip#Test/Kiwi/1_100.jpg"


class TestOfOtherRuns:
    """A run that uses files of another: `small`'s are taken apart, and what is taken out is left in `earlier`."""

    @staticmethod
    def derive(run: Path, taken: str, *folders: str) -> Path:
        earlier = Path(shutil.copytree(run, run.parent / "earlier"))
        for folder in folders:
            shutil.rmtree(run / folder)
        summary = json.loads((run / "summary.json").read_text()) | {"origin": {taken: "earlier"}}
        (run / "summary.json").write_text(json.dumps(summary))
        seal(run)
        seal(earlier)
        return earlier

    @pytest.mark.parametrize(
        ("taken", "folders"), [("features", ["images"]), ("images", ["images"]), ("components", ["pca_model"])]
    )
    def test_its_answers_are_the_same_and_have_pictures(self, run: Path, taken: str, folders: list[str]) -> None:
        earlier = self.derive(run, taken, *folders)
        mark(run, Marker(run=run.name, origins={"earlier": str(earlier)}))
        asked = draw_fruit("Kiwi", 9)
        with opened(Settings(), run, lambda _: None) as (results, known):
            [answer] = known.nearest(asked)
            assert [answer] == orchard.similar(earlier).nearest(asked)
            paths = {one.path for one in answer.neighbours}
            assert set(pictures_of(results, paths)) == paths

    def test_where_the_other_is_not_known_it_is_said_which_it_is(self, run: Path) -> None:
        earlier = self.derive(run, "components", "pca_model")
        there = earlier.rename(run.parent.parent / "elsewhere")
        with pytest.raises(UsageError, match="it uses files of the run earlier") as refused:
            orchard.similar(run)
        assert refused.value.next_command == f"orchard results earlier --out {earlier}"
        there.rename(earlier)  # which the command does
        assert orchard.similar(run).run == run.name
