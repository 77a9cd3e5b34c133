"""A clone without its large files has texts in their place: each is told as what it is."""

from pathlib import Path

import pytest
from moto import mock_aws

from orchard.archive.checks import inspect
from orchard.archive.errors import GitPointerError
from orchard.archive.sources.open import open_source
from orchard.features.errors import WeightsNotFoundError
from orchard.features.weights import IMAGENET, IMAGENET_FILE, resolve_weights
from tests.support.cloud import awsfakes
from tests.support.cloud.fake import orchard

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 731648000\n"


@pytest.fixture
def fruits(tmp_path: Path) -> Path:
    path = tmp_path / "fruits.zip"
    path.write_text(POINTER)
    return path


@pytest.mark.parametrize("words", [("plan",), ("run",), ("run", "--local")])
def test_a_zip(words: tuple[str, ...], fruits: Path) -> None:
    said = orchard(*words, fruits)
    assert said.exit_code == 2
    assert "fruits.zip is a pointer of Git LFS, not the zip itself\n  the file itself is in Git LFS" in said.stderr
    assert said.stderr.endswith("Next: git lfs pull\n")


def test_an_upload_of_one_is_refused_as_such(fruits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    awsfakes.isolate(monkeypatch)
    with mock_aws():
        session = awsfakes.session()
        awsfakes.make_buckets(session)
        client = session.client("s3")
        client.upload_file(str(fruits), "orchard-input", "fruits.zip")
        with pytest.raises(GitPointerError, match="is a pointer of Git LFS"):
            inspect(open_source("s3://orchard-input/fruits.zip", s3_client=client))


def test_weights_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.weights.h5"
    path.write_text(POINTER)
    with pytest.raises(WeightsNotFoundError, match="is a pointer of Git LFS, not the weights themselves") as told:
        resolve_weights(str(path))
    assert told.value.next_command == "git lfs pull"


def test_the_official_weights(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / IMAGENET_FILE).write_text(POINTER)
    with pytest.raises(WeightsNotFoundError, match="is a pointer of Git LFS"):
        resolve_weights(IMAGENET, keras_home=tmp_path)
