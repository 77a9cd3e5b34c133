"""Where the cache is."""

from pathlib import Path

import pytest

from orchard import home


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORCHARD_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)


def test_it_is_in_the_users_cache() -> None:
    assert home.cache_dir() == Path.home() / ".cache" / "orchard"


def test_the_desktops_cache_folder_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/scratch/cache")
    assert home.cache_dir() == Path("/scratch/cache/orchard")


def test_a_relative_cache_folder_is_ignored_as_the_specification_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    assert home.cache_dir() == Path.home() / ".cache" / "orchard"


def test_a_folder_of_its_own_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/scratch/cache")
    monkeypatch.setenv("ORCHARD_HOME", str(tmp_path))
    assert home.cache_dir() == tmp_path
    monkeypatch.setenv("ORCHARD_HOME", "~/fruit")
    assert home.cache_dir() == Path.home() / "fruit"


def test_each_kind_has_a_folder_of_its_own() -> None:
    folders = [
        home.models_dir(), home.wheelhouse_dir(), home.jars_dir(), home.environments_dir(), home.local_dir(),
    ]  # fmt: skip
    assert len(set(folders)) == len(folders)
    assert {folder.parent for folder in folders} == {home.cache_dir()}
