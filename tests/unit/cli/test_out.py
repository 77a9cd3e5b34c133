"""A folder that cannot be written is told before anything is started, and loses no results afterwards."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from orchard.aws import sessions
from orchard.aws.stack import Stack
from orchard.cli.target import LocalPlace
from orchard.errors import UsageError
from orchard.runs.folder import check_folder
from orchard.runs.follow import follow
from tests.support.cloud.fake import FakeCloud, model_folder, orchard


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user is, with a zip; his home is elsewhere."""
    for name in ("here", "home", "tmp"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "here" / "fruits.zip").write_bytes(b"PK")
    return tmp_path / "here"


def refuse(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Have every new file in a folder refused with this error, as a disk does that is full or may only be read."""

    def file(*_: object, **more: Any) -> None:  # noqa: ANN401
        raise OSError(number, os.strerror(number), str(more["dir"]))

    monkeypatch.setattr(tempfile, "TemporaryFile", file)


class TestBeforeAnythingIsStarted:
    @pytest.fixture
    def cloud(self, make_cloud: Callable[..., FakeCloud], here: Path) -> Iterator[FakeCloud]:
        cloud = make_cloud()
        yield cloud
        assert cloud.uploads == []
        assert sorted(path.name for path in here.iterdir() if path.name != "file") == ["fruits.zip"]

    @pytest.mark.parametrize("local", [(), ("--local", "--weights", "random")])
    @pytest.mark.parametrize("out", ["file", "file/below", "file/far/below", "/proc/no/such/folder", "/dev/null"])
    def test_a_folder_that_cannot_be(self, out: str, local: tuple[str, ...], cloud: FakeCloud, here: Path) -> None:
        (here / "file").write_text("mine")
        said = orchard("run", "fruits.zip", *local, "--out", out)
        assert said.exit_code == 2
        assert f"{out} is not a folder" in said.stderr or f"Nothing can be written to {out}" in said.stderr
        assert "Next: choose another --out" in said.stderr
        assert (here / "file").read_text() == "mine"

    @pytest.mark.parametrize("out", [(), ("--out", "mine")])
    @pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC, errno.EDQUOT])
    def test_a_disk_that_takes_nothing(
        self, number: int, out: tuple[str, ...], cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refuse(monkeypatch, number)
        said = orchard("run", "fruits.zip", *out)
        assert said.exit_code == 2
        assert os.strerror(number) in said.stderr

    def test_a_disk_with_less_room_than_the_images_take(
        self, cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usage = shutil.disk_usage("/")._replace(free=1)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
        said = orchard("run", "fruits.zip", "--out", "mine")
        assert said.exit_code == 2
        assert "There is no room for the results in mine" in said.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_only_be_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="Permission denied"):
        check_folder(tmp_path / "mine")


def test_the_check_leaves_nothing(tmp_path: Path) -> None:
    check_folder(tmp_path / "not" / "yet")
    assert list(tmp_path.iterdir()) == []


class TestAfterARunThatWorked:
    """Something is in the way by then that was not there before."""

    @pytest.fixture
    def in_the_way(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
        """Files that appear while the run goes on."""
        ways = [here / "mine"]

        def followed(*words: Any, **more: Any) -> Any:  # noqa: ANN401
            for path in ways:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("mine")
            return follow(*words, **more)

        monkeypatch.setattr("orchard.cli.display.follow", followed)
        return ways

    @pytest.fixture
    def local(self, make_cloud: Callable[..., FakeCloud], here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A local cloud, which ends with the command."""
        cloud = make_cloud()

        @contextmanager
        def in_local_cloud(*_: object) -> Iterator[LocalPlace]:
            session = sessions.open_session()
            nothing = "ends {}".format
            yield LocalPlace(session, Stack.load(session), list, nothing, lambda *_: "", "tail", cloud.environment)

        monkeypatch.setattr("orchard.cli.target.in_local_cloud", in_local_cloud)
        monkeypatch.setattr("orchard.cli.run.exported_model", lambda *_: model_folder(here.parent / "model", "random"))

    def test_aws_keeps_them(self, make_cloud: Callable[..., FakeCloud], in_the_way: list[Path]) -> None:
        make_cloud()
        said = orchard("run", "fruits.zip", "--out", "mine")
        assert said.exit_code == 3
        assert "Error: The results could not be copied to mine\n" in said.stderr
        assert "its results stay in s3://orchard-results" in said.stderr
        assert "Next: orchard results fruits-" in said.stderr
        assert in_the_way[0].read_text() == "mine"

    def test_of_a_local_cloud_they_are_kept_in_another_folder(
        self, local: None, in_the_way: list[Path], here: Path
    ) -> None:
        said = orchard("run", "fruits.zip", "--local", "--out", "mine")
        assert said.exit_code == 3
        [kept] = (here / "out").iterdir()
        assert (kept / "report.html").exists()
        assert f"its results are in {kept}\n" in said.stderr
        assert f"Next: cp -r {kept}/. mine\n" in said.stderr
        assert f"{kept}/report.html" in said.stdout

    @pytest.mark.parametrize("kept", ["home", "tmp"])
    def test_and_if_that_cannot_be_in_the_next(
        self, kept: str, local: None, in_the_way: list[Path], here: Path
    ) -> None:
        in_the_way.append(here / "out")
        if kept == "tmp":
            in_the_way.append(here.parent / "home" / "orchard-results")
        said = orchard("run", "fruits.zip", "--local", "--out", "mine")
        assert said.exit_code == 3
        [folder] = (here.parent / kept / "orchard-results").iterdir()
        assert (folder / "report.html").exists()
        assert f"cp -r {folder}/. mine" in said.stderr

    def test_without_any_folder_it_says_what_to_look_at(self, local: None, in_the_way: list[Path], here: Path) -> None:
        in_the_way += [here / "out", *(here.parent / name / "orchard-results" for name in ("home", "tmp"))]
        said = orchard("run", "fruits.zip", "--local", "--out", "mine")
        assert said.exit_code == 3
        assert "they could not be written to another folder either" in said.stderr

    def test_a_failed_run_is_told_as_such_where_its_logs_cannot_be_written(
        self, make_cloud: Callable[..., FakeCloud], in_the_way: list[Path]
    ) -> None:
        logs = {"j-1/steps/s-1/stderr.gz": "log"}
        make_cloud(outcome={"Error": "RunFailed", "Cause": "The disk is full."}, results={}, logs=logs)
        said = orchard("run", "fruits.zip", "--out", "mine")
        assert said.exit_code == 1
        assert "the logs could not be written" in said.stderr
        assert "The disk is full." in said.stderr


class TestResultsCopiedLater:
    @pytest.fixture
    def run(self, make_cloud: Callable[..., FakeCloud], here: Path) -> str:
        cloud = make_cloud()
        cloud.leave("fruits-1")
        cloud.start("fruits-1")
        return "fruits-1"

    def test_a_folder_that_cannot_be(self, run: str) -> None:
        said = orchard("results", run, "--out", "fruits.zip/below")
        assert said.exit_code == 2
        assert "Nothing can be written to fruits.zip/below" in said.stderr

    def test_a_disk_that_fills_up(self, run: str, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "mine/pca")

        monkeypatch.setattr("orchard.runs.download._download", full)
        said = orchard("results", run, "--out", "mine")
        assert said.exit_code == 3
        assert "Nothing more can be written to mine\n  No space left on device: mine/pca" in said.stderr
        assert "Next: orchard results fruits-1 --out FOLDER" in said.stderr

    def test_a_report_that_cannot_be_written(self, run: str) -> None:
        said = orchard("report", run, "--no-open", "--out", "fruits.zip/report.html")
        assert said.exit_code == 3
        assert "Nothing more can be written to fruits.zip/report.html" in said.stderr
