import hashlib
import http.client
import io
import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from orchard.errors import UsageError, WeightsUnavailableError
from orchard.features import weights
from orchard.features.weights import IMAGENET_FILE, IMAGENET_SHA256, Weights, resolve_weights

OFFICIAL = b"stands for the official file"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Network:
    """What the download meets; unplugged until a test says otherwise."""

    def __init__(self) -> None:
        self.asked = []
        self.answer: bytes | io.BytesIO | Exception = urllib.error.URLError("no network")

    def __call__(self, url: str, timeout: float) -> io.BytesIO:
        self.asked.append(url)
        if isinstance(self.answer, Exception):
            raise self.answer
        return io.BytesIO(self.answer) if isinstance(self.answer, bytes) else self.answer


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network()
    monkeypatch.setattr(urllib.request, "urlopen", network)
    return network


@pytest.fixture
def official(monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setattr(weights, "IMAGENET_SHA256", digest(OFFICIAL))
    return OFFICIAL


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "keras" / "models"
    folder.mkdir(parents=True)
    return folder


def imagenet(cache: Path) -> Weights:
    return resolve_weights("imagenet", keras_home=cache.parent)


# --- imagenet ----------------------------------------------------------------------------------------------------


def test_the_recorded_hash_is_a_whole_one() -> None:
    assert re.fullmatch("[0-9a-f]{64}", IMAGENET_SHA256)


def test_the_official_file_in_the_cache_is_used(cache: Path, official: bytes, network: Network) -> None:
    (cache / IMAGENET_FILE).write_bytes(official)

    assert imagenet(cache) == Weights("imagenet", digest(official), cache / IMAGENET_FILE)
    assert network.asked == []


def test_the_cache_is_where_keras_has_it(cache: Path, official: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    (cache / IMAGENET_FILE).write_bytes(official)
    monkeypatch.setenv("KERAS_HOME", str(cache.parent))
    assert resolve_weights("imagenet").path == cache / IMAGENET_FILE

    monkeypatch.delenv("KERAS_HOME")
    home = cache.parent.parent / "home"
    (home / ".keras").mkdir(parents=True)
    cache.rename(home / ".keras" / "models")
    monkeypatch.setenv("HOME", str(home))
    assert resolve_weights("imagenet").path == home / ".keras" / "models" / IMAGENET_FILE


def test_another_file_under_the_official_name_is_refused_and_left_alone(cache: Path, network: Network) -> None:
    (cache / IMAGENET_FILE).write_bytes(b"an estimate")

    with pytest.raises(WeightsUnavailableError) as caught:
        imagenet(cache)

    assert caught.value.exit_code == 3
    assert digest(b"an estimate") in caught.value.cause
    assert IMAGENET_SHA256 in caught.value.cause
    assert caught.value.next_command == f"--weights {cache / IMAGENET_FILE}"
    assert (cache / IMAGENET_FILE).read_bytes() == b"an estimate"
    assert network.asked == []


def test_without_a_cached_file_the_official_one_is_downloaded_once(
    tmp_path: Path, official: bytes, network: Network
) -> None:
    network.answer = official
    models = tmp_path / "new" / "models"

    first = resolve_weights("imagenet", keras_home=models.parent)
    second = resolve_weights("imagenet", keras_home=models.parent)

    assert first == second == Weights("imagenet", digest(official), models / IMAGENET_FILE)
    assert first.path.read_bytes() == official
    assert network.asked == [
        f"https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/{IMAGENET_FILE}"
    ]


def test_a_download_that_is_not_the_official_file_is_thrown_away(cache: Path, network: Network) -> None:
    network.answer = b"<html>log in to the hotel's network</html>"

    with pytest.raises(WeightsUnavailableError, match="the download has the SHA-256"):
        imagenet(cache)
    assert list(cache.iterdir()) == []


class BrokenOff(io.BytesIO):
    def read(self, *_: object) -> bytes:
        raise http.client.IncompleteRead(b"half")


@pytest.mark.parametrize(
    "answer",
    [urllib.error.URLError("no route to host"), TimeoutError("timed out"), BrokenOff()],
    ids=lambda a: type(a).__name__,
)
def test_without_a_network_the_user_is_told_the_three_ways_out(
    cache: Path, network: Network, answer: Exception | io.BytesIO
) -> None:
    network.answer = answer

    with pytest.raises(WeightsUnavailableError) as caught:
        imagenet(cache)

    assert caught.value.exit_code == 3
    for way_out in ("a machine with a network", str(cache), "--weights PATH", "--weights random"):
        assert way_out in caught.value.cause
    assert IMAGENET_FILE in caught.value.next_command
    assert list(cache.iterdir()) == []


def test_the_file_without_classifier_is_not_taken_for_the_official_one(cache: Path) -> None:
    unproven = cache / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
    unproven.write_bytes(b"who knows")

    with pytest.raises(WeightsUnavailableError, match=f"{re.escape(str(unproven))} is there, but nothing proves"):
        imagenet(cache)


def test_a_cache_that_cannot_be_written_is_an_error_of_the_environment(
    tmp_path: Path, official: bytes, network: Network
) -> None:
    network.answer = official
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(WeightsUnavailableError):
        resolve_weights("imagenet", keras_home=tmp_path / "file")


# --- a file, and random ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mine.h5", "mine.weights.h5", "mine.keras"])
def test_a_file_goes_by_its_name_and_its_hash(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"weights")

    assert resolve_weights(str(tmp_path / name)) == Weights(name, digest(b"weights"), tmp_path / name)


def test_a_path_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.h5").write_bytes(b"weights")

    assert resolve_weights("~/mine.h5").path == tmp_path / "mine.h5"


@pytest.mark.parametrize("name", ["absent.h5", "imagenette", "", "."])
def test_what_is_no_file_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UsageError, match="There are no weights") as caught:
        resolve_weights(name)
    assert caught.value.exit_code == 2


def test_a_file_of_another_kind_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "fruits.zip").write_bytes(b"PK")

    with pytest.raises(UsageError, match="not a file of weights"):
        resolve_weights(str(tmp_path / "fruits.zip"))


def test_random_weights_have_a_recipe_instead_of_a_file(network: Network) -> None:
    drawn = resolve_weights("random")

    assert (drawn.name, drawn.path) == ("random", None)
    assert drawn == resolve_weights("random")
    assert re.fullmatch("[0-9a-f]{64}", drawn.sha256)
    assert network.asked == []
