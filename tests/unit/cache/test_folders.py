"""Where the cache is, and what is removed from it."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchard import cache
from orchard.cache.held import held_folder
from orchard.cli.app import app
from orchard.errors import EnvironmentNotReadyError


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORCHARD_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)


def test_it_is_in_the_users_cache() -> None:
    assert cache.cache_dir() == Path.home() / ".cache" / "orchard"


def test_the_desktops_cache_folder_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/scratch/cache")
    assert cache.cache_dir() == Path("/scratch/cache/orchard")


def test_a_relative_cache_folder_is_ignored_as_the_specification_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    assert cache.cache_dir() == Path.home() / ".cache" / "orchard"


def test_a_folder_of_its_own_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/scratch/cache")
    monkeypatch.setenv("ORCHARD_HOME", str(tmp_path))
    assert cache.cache_dir() == tmp_path
    monkeypatch.setenv("ORCHARD_HOME", "~/fruit")
    assert cache.cache_dir() == Path.home() / "fruit"


def test_each_kind_has_a_folder_of_its_own() -> None:
    folders = [
        cache.models_dir(), cache.wheelhouse_dir(), cache.jars_dir(), cache.environments_dir(), cache.local_dir(),
    ]  # fmt: skip
    assert len(set(folders)) == len(folders)
    assert {folder.parent for folder in folders} == {cache.cache_dir()}


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


class TestWhatIsLeftOver:
    @pytest.fixture(autouse=True)
    def own_home(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
        monkeypatch.setenv("ORCHARD_HOME", str(tmp_path))
        return tmp_path

    def killed(self, parent: Path, prefix: str, *inside: str) -> Path:
        """What a killed process leaves of a folder that it held."""
        with held_folder(parent, prefix, stays=True) as folder:
            for name in inside:
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(name)
        return folder

    def test_everything_unfinished_goes_and_what_is_complete_stays(self, own_home: Path) -> None:
        self.killed(cache.local_dir(), cache.LAYER, "orchard/jobs.zip")
        for part in (cache.wheelhouse_dir(), cache.models_dir(), cache.jars_dir()):
            self.killed(part, ".unfinished-", "half")
        for name in ("models/m/model.onnx", "environments/onnxruntime/.complete-1", "mine.txt"):
            path = own_home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        for half in ("environments/tensorflow/bin/python", "environments/install.a1b2c3/wheels/pip.whl"):
            path = own_home / half
            path.parent.mkdir(parents=True)
            path.touch()

        cache.remove_left_over()

        assert files(own_home) == {"models/m/model.onnx", "environments/onnxruntime/.complete-1", "mine.txt"}

    def test_what_a_living_cloud_uses_stays(self, own_home: Path) -> None:
        with ExitStack() as exits:
            for prefix in (cache.LAYER, cache.CLOUD):
                folder = exits.enter_context(held_folder(cache.local_dir(), prefix))
                (folder / "scratch").touch()
            made = cache.environments_dir() / "install.a1b2c3"
            made.mkdir(parents=True)
            before = files(own_home)

            cache.remove_left_over()

            assert files(own_home) == before
            assert made.exists()
            assert cache.living_clouds() == [folder]

    def test_of_clouds_that_have_ended_the_last_logs_stay(self, own_home: Path) -> None:
        logs = [f"clusters/j-{number}/logs/steps/s-1/stderr" for number in range(5)]
        for number, log in enumerate(logs):
            inside = ("emulator", "logs/f.log", "clusters/bin/aws", f"clusters/j-{number}/scratch/blocks", log)
            self.killed(cache.local_dir(), f"{cache.CLOUD}{number}-", *inside)

        cache.remove_left_over()

        left = {"/".join(Path(name).parts[2:]) for name in files(own_home)}
        assert left == {".lock", "logs/f.log", *logs[2:]}

    def test_nothing_is_no_trouble(self, own_home: Path) -> None:
        cache.remove_left_over()
        assert list(own_home.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ORCHARD_HOME", str(tmp_path / "file" / "below"))
    with pytest.raises(EnvironmentNotReadyError, match="Nothing can be written to ORCHARD_HOME") as told:
        cache.check_cache()
    assert "Not a directory" in told.value.cause
    assert told.value.next_command == "export ORCHARD_HOME=/another/folder"


@pytest.mark.parametrize("words", [("run", "fruits.zip", "--local"), ("local", "up"), ("doctor", "--local")])
def test_every_command_that_needs_it_says_so(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fruits.zip").write_bytes(b"PK")
    monkeypatch.setenv("ORCHARD_HOME", str(tmp_path / "fruits.zip"))
    said = CliRunner().invoke(app, [*words, *(["--weights", "random"] if words[0] != "doctor" else [])])
    assert said.exit_code == 3
    assert f"Nothing can be written to ORCHARD_HOME, {tmp_path}/fruits.zip" in said.output
    assert "export ORCHARD_HOME=/another/folder" in said.output
