"""A run's files arrive in a folder that holds one run and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchard.errors import RunFailedError, UsageError
from orchard.runs import download
from orchard.runs.folder import check_folder, write_notice
from tests.support.cloud import awsfakes

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = awsfakes.OUTPUTS["ResultsBucketName"]
RUN = "fruits-0123456789ab"


def leave(s3: S3Client, *names: str, run: str = RUN, prefix: str = "runs") -> None:
    """What a run leaves; below `runs/` with the manifest that makes it complete."""
    for name in names:
        s3.put_object(Bucket=BUCKET, Key=f"{prefix}/{run}/{name}", Body=f"{run} {name}".encode())
    if prefix == "runs":
        files = [{"path": name, "size": len(f"{run} {name}")} for name in names if not name.endswith("/")]
        text = json.dumps({"run_id": run, "files": files})
        s3.put_object(Bucket=BUCKET, Key=f"runs/{run}/_manifest.json", Body=text.encode())


def tree(folder: Path) -> set[str]:
    """The files in a folder, without those that tell that it is a run's."""
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return files - {".orchard-results.json", "_manifest.json"}


class TestCopyResults:
    def test_every_file_at_its_place(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, "report.html", "features/part-0.parquet", "features/")
        leave(s3, "report.html", run=RUN + "-other")
        download.copy_results(s3, BUCKET, RUN, tmp_path / "out")
        assert tree(tmp_path / "out") == {"report.html", "features/part-0.parquet"}
        assert (tmp_path / "out/_manifest.json").exists()
        assert (tmp_path / "out/report.html").read_text() == f"{RUN} report.html"

    def test_an_earlier_run_leaves_nothing_behind(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, "report.html", "pca/part-7.parquet")
        download.copy_results(s3, BUCKET, RUN, tmp_path)
        leave(s3, "report.html", "pca/part-8.parquet", run="later-1")
        download.copy_results(s3, BUCKET, "later-1", tmp_path)
        assert tree(tmp_path) == {"report.html", "pca/part-8.parquet"}
        assert (tmp_path / "report.html").read_text() == "later-1 report.html"

    def test_the_bytes_are_counted_up_to_all_of_them(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, "report.html", "summary.json")
        told: list[tuple[int, int]] = []
        copied = download.copy_results(s3, BUCKET, RUN, tmp_path, lambda done, total: told.append((done, total)))
        total = sum(path.stat().st_size for path in tmp_path.iterdir() if path.name != ".orchard-results.json")
        assert sum(file.size for file in copied) == total
        assert told[-1] == (total, total)
        assert told == sorted(told)

    def test_files_that_only_the_earlier_run_had_are_gone(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, "report.html", "a_file_of_an_older_version.csv")
        download.copy_results(s3, BUCKET, RUN, tmp_path)
        leave(s3, "report.html", run="later-1")
        download.copy_results(s3, BUCKET, "later-1", tmp_path)
        assert tree(tmp_path) == {"report.html"}

    @pytest.mark.parametrize("name", ["thesis.docx", "images/mine.jpg"])
    def test_somebody_elses_folder_is_left_alone(self, s3: S3Client, tmp_path: Path, name: str) -> None:
        leave(s3, "images/part-0.parquet")
        mine = tmp_path / name
        mine.parent.mkdir(exist_ok=True)
        mine.write_text("mine")
        with pytest.raises(UsageError, match="contains something other") as raised:
            download.copy_results(s3, BUCKET, RUN, tmp_path)
        assert raised.value.exit_code == 2
        assert tree(tmp_path) == {name}

    def test_a_file_added_to_a_runs_folder_is_not_deleted_with_it(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, "report.html")
        download.copy_results(s3, BUCKET, RUN, tmp_path)
        (tmp_path / "notes.md").write_text("mine")
        with pytest.raises(UsageError, match=r"notes\.md"):
            download.copy_results(s3, BUCKET, RUN, tmp_path)

    def test_a_file_is_no_folder(self, tmp_path: Path) -> None:
        (tmp_path / "out").touch()
        with pytest.raises(UsageError, match="not a folder"):
            check_folder(tmp_path / "out")

    def test_until_everything_has_arrived_the_earlier_results_stay(
        self, s3: S3Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        leave(s3, "report.html")
        download.copy_results(s3, BUCKET, RUN, tmp_path)
        leave(s3, "report.html", "summary.json", run="later-1")
        real = s3.download_file

        def breaks(bucket: str, key: str, path: str) -> None:
            if key.endswith("summary.json"):
                raise ConnectionResetError
            real(bucket, key, path)

        monkeypatch.setattr(s3, "download_file", breaks)
        with pytest.raises(ConnectionResetError):
            download.copy_results(s3, BUCKET, "later-1", tmp_path)
        assert (tmp_path / "report.html").read_text() == f"{RUN} report.html"
        monkeypatch.setattr(s3, "download_file", real)
        download.copy_results(s3, BUCKET, "later-1", tmp_path)
        assert tree(tmp_path) == {"report.html", "summary.json"}

    def test_a_key_cannot_lead_out_of_the_folder(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, "report.html", "../../escaped.html")
        with pytest.raises(RunFailedError, match="leads out"):
            download.copy_results(s3, BUCKET, RUN, tmp_path / "a" / "out")
        assert not list(tmp_path.rglob("escaped.html"))

    def test_a_run_without_files(self, s3: S3Client, tmp_path: Path) -> None:
        with pytest.raises(RunFailedError, match="left no results"):
            download.copy_results(s3, BUCKET, RUN, tmp_path, partial=True)


class TestCompleteness:
    """A run without its manifest, or with other files than that names, is not taken for a whole one."""

    def test_a_run_without_a_manifest(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, "images/part-0.parquet")
        s3.delete_object(Bucket=BUCKET, Key=f"runs/{RUN}/_manifest.json")
        with pytest.raises(RunFailedError, match="is not complete") as raised:
            download.copy_results(s3, BUCKET, RUN, tmp_path / "out")
        assert raised.value.next_command == f"orchard status {RUN}"
        assert not (tmp_path / "out").exists()
        download.copy_results(s3, BUCKET, RUN, tmp_path / "out", partial=True)
        assert tree(tmp_path / "out") == {"images/part-0.parquet"}

    @pytest.mark.parametrize(("body", "said"), [(b"cut", "has 3 bytes, and had"), (None, "is not there")])
    def test_a_file_that_is_not_as_the_manifest_says(
        self, s3: S3Client, tmp_path: Path, body: bytes | None, said: str
    ) -> None:
        leave(s3, "report.html", "features/part-0.parquet")
        key = f"runs/{RUN}/features/part-0.parquet"
        if body is None:
            s3.delete_object(Bucket=BUCKET, Key=key)
        else:
            s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        with pytest.raises(RunFailedError, match=f"features/part-0.parquet {said}"):
            download.copy_results(s3, BUCKET, RUN, tmp_path / "out")
        download.copy_results(s3, BUCKET, RUN, tmp_path / "out", only=["report.html"])
        download.copy_results(s3, BUCKET, RUN, tmp_path / "all", partial=True)

    def test_a_file_that_changes_while_it_is_copied(
        self, s3: S3Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        leave(s3, "report.html")
        monkeypatch.setattr(s3, "download_file", lambda bucket, key, path: Path(path).write_text("other"))
        with pytest.raises(RunFailedError, match="has a different size"):
            download.copy_results(s3, BUCKET, RUN, tmp_path)


class TestOnly:
    """One may ask for some of the results; those of the same run that are there stay."""

    @pytest.mark.parametrize(
        ("wanted", "names"),
        [
            (["report"], ("report.html",)),
            (["report.html", "report"], ("report.html",)),
            (["pca", "explained_variance"], ("pca", "explained_variance.csv")),
            ([], ()),
        ],
    )
    def test_the_names(self, wanted: list[str], names: tuple[str, ...]) -> None:
        assert download.result_names(wanted) == names

    def test_an_unknown_name_is_told_those_that_there_are(self) -> None:
        with pytest.raises(UsageError, match=r"'plan' is not a part of a run: choose images, metadata, .*, summary"):
            download.result_names(["report", "plan"])

    def test_what_was_not_asked_for_stays_away(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, "report.html", "pca/part-0.parquet", "pca_model/metadata")
        download.copy_results(s3, BUCKET, RUN, tmp_path, only=["pca"])
        assert tree(tmp_path) == {"pca/part-0.parquet"}
        download.copy_results(s3, BUCKET, RUN, tmp_path, only=["report.html"])
        download.copy_results(s3, BUCKET, RUN, tmp_path, only=["pca_model"])
        assert tree(tmp_path) == {"pca/part-0.parquet", "report.html", "pca_model/metadata"}

    def test_another_runs_do_not_stay(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, "report.html", "summary.json")
        download.copy_results(s3, BUCKET, RUN, tmp_path)
        leave(s3, "report.html", run="later-1")
        download.copy_results(s3, BUCKET, "later-1", tmp_path, only=["report.html"])
        assert tree(tmp_path) == {"report.html"}
        assert not (tmp_path / "_manifest.json").exists()

    def test_a_copy_of_two_runs_is_of_neither(
        self, s3: S3Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        leave(s3, "report.html", "summary.json")
        download.copy_results(s3, BUCKET, RUN, tmp_path)
        leave(s3, "report.html", run="later-1")
        with monkeypatch.context() as patch:
            patch.setattr(s3, "download_file", _breaks)
            with pytest.raises(ConnectionResetError):
                download.copy_results(s3, BUCKET, "later-1", tmp_path, only=["report.html"])
        download.copy_results(s3, BUCKET, "later-1", tmp_path, only=["report.html"])
        assert tree(tmp_path) == {"report.html"}


def _breaks(bucket: str, key: str, path: str) -> None:
    raise ConnectionResetError


class TestCopyLogs:
    STEP = "j-1/steps/s-1/stderr.gz"
    BOOT = "j-1/node/i-1/bootstrap-actions/1/stderr.gz"

    def test_what_steps_and_bootstrap_actions_wrote(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, self.STEP, self.BOOT, "j-1/containers/application_1/c_1/stderr.gz", prefix="logs")
        copied = download.copy_logs(s3, BUCKET, RUN, tmp_path / "out")
        assert copied == [tmp_path / "out/logs" / self.BOOT, tmp_path / "out/logs" / self.STEP]
        assert tree(tmp_path / "out/logs") == {self.STEP, self.BOOT}

    def test_a_failure_does_not_cost_the_results_of_an_earlier_run(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, "report.html")
        download.copy_results(s3, BUCKET, RUN, tmp_path)
        for run, name in (("later-1", "j-1/steps/s-1/stderr.gz"), ("later-2", "j-2/steps/s-2/stderr.gz")):
            leave(s3, name, run=run, prefix="logs")
            download.copy_logs(s3, BUCKET, run, tmp_path)
        assert tree(tmp_path) == {"report.html", "logs/j-2/steps/s-2/stderr.gz"}

    def test_a_folder_with_logs_only_can_be_replaced(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, self.STEP, prefix="logs")
        download.copy_logs(s3, BUCKET, RUN, tmp_path)
        leave(s3, "report.html")
        download.copy_results(s3, BUCKET, RUN, tmp_path)
        assert tree(tmp_path) == {"report.html"}

    def test_no_cluster_came_so_far(self, s3: S3Client, tmp_path: Path) -> None:
        assert download.copy_logs(s3, BUCKET, RUN, tmp_path / "out") == []
        assert not (tmp_path / "out").exists()


class TestCopyRejections:
    FILES = ("rejected/part-unzip.csv", "rejected/part-featurize.csv")

    def test_the_list_alone_is_copied(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, "images/part-0.parquet", *self.FILES)
        assert download.copy_rejections(s3, BUCKET, RUN, tmp_path / "out") == tmp_path / "out/rejected"
        assert tree(tmp_path / "out") == set(self.FILES)
        download.copy_results(s3, BUCKET, RUN, tmp_path / "out", only=["images"])
        assert tree(tmp_path / "out") == {"images/part-0.parquet"}, "the next copy takes its place"

    def test_it_does_not_mix_with_the_results_of_an_earlier_run(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, "report.html", self.FILES[0], run="earlier-1")
        download.copy_results(s3, BUCKET, "earlier-1", tmp_path)
        leave(s3, self.FILES[1])
        assert download.copy_rejections(s3, BUCKET, RUN, tmp_path) == tmp_path / "logs/rejected"
        assert tree(tmp_path) == {"report.html", self.FILES[0], f"logs/{self.FILES[1]}"}

    def test_nothing_was_rejected(self, s3: S3Client, tmp_path: Path) -> None:
        assert download.copy_rejections(s3, BUCKET, RUN, tmp_path) is None
        s3.put_object(Bucket=BUCKET, Key=f"runs/{RUN}/{self.FILES[0]}", Body=b"path,stage,reason\r\n")
        assert download.copy_rejections(s3, BUCKET, RUN, tmp_path) is None
        assert tree(tmp_path) == set()


def test_the_notice_lies_beside_the_results_until_the_next_run_replaces_both(s3: S3Client, tmp_path: Path) -> None:
    leave(s3, "report.html")
    download.copy_results(s3, BUCKET, RUN, tmp_path)
    path = write_notice(tmp_path, "Orchard: done, fruits\n\nRun fruits is done.\n")
    assert path.read_text() == "Orchard: done, fruits\n\nRun fruits is done.\n"
    download.copy_results(s3, BUCKET, RUN, tmp_path)
    assert tree(tmp_path) == {"report.html"}


def test_no_notice_is_written_into_somebody_elses_folder(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").touch()
    with pytest.raises(UsageError, match="something other"):
        write_notice(tmp_path, "done")
