"""A run's files arrive in a folder that holds one run and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from orchard import results
from orchard.errors import RunFailedError, UsageError
from tests import awsfakes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

BUCKET = awsfakes.OUTPUTS["ResultsBucketName"]
RUN = "fruits-0123456789ab"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    awsfakes.isolate(monkeypatch)
    with mock_aws():
        awsfakes.make_buckets(awsfakes.session())
        yield awsfakes.session().client("s3")


def leave(s3: S3Client, *names: str, run: str = RUN, prefix: str = "runs") -> None:
    for name in names:
        s3.put_object(Bucket=BUCKET, Key=f"{prefix}/{run}/{name}", Body=f"{run} {name}".encode())


def tree(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


class TestCopyResults:
    def test_every_file_at_its_place(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, "report.html", "features/part-0.parquet", "features/", "_manifest.json")
        leave(s3, "report.html", run=RUN + "-other")
        results.copy_results(s3, BUCKET, RUN, tmp_path / "out")
        assert tree(tmp_path / "out") == {
            "report.html", "features/part-0.parquet", "_manifest.json", ".orchard-results.json",
        }  # fmt: skip
        assert (tmp_path / "out/report.html").read_text() == f"{RUN} report.html"

    def test_an_earlier_run_leaves_nothing_behind(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, "report.html", "pca/part-7.parquet")
        results.copy_results(s3, BUCKET, RUN, tmp_path)
        leave(s3, "report.html", "pca/part-8.parquet", run="later-1")
        results.copy_results(s3, BUCKET, "later-1", tmp_path)
        assert tree(tmp_path) == {"report.html", "pca/part-8.parquet", ".orchard-results.json"}
        assert (tmp_path / "report.html").read_text() == "later-1 report.html"

    def test_the_bytes_are_counted_up_to_all_of_them(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, "report.html", "summary.json")
        told: list[tuple[int, int]] = []
        results.copy_results(s3, BUCKET, RUN, tmp_path, lambda done, total: told.append((done, total)))
        total = len(f"{RUN} report.html") + len(f"{RUN} summary.json")
        assert told[-1] == (total, total)
        assert told == sorted(told)

    def test_files_that_only_the_earlier_run_had_are_gone(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, "report.html", "a_file_of_an_older_version.csv")
        results.copy_results(s3, BUCKET, RUN, tmp_path)
        leave(s3, "report.html", run="later-1")
        results.copy_results(s3, BUCKET, "later-1", tmp_path)
        assert tree(tmp_path) == {"report.html", ".orchard-results.json"}

    @pytest.mark.parametrize("name", ["thesis.docx", "images/mine.jpg"])
    def test_somebody_elses_folder_is_left_alone(self, s3: S3Client, tmp_path: Path, name: str) -> None:
        leave(s3, "images/part-0.parquet")
        mine = tmp_path / name
        mine.parent.mkdir(exist_ok=True)
        mine.write_text("mine")
        with pytest.raises(UsageError, match="holds other things") as raised:
            results.copy_results(s3, BUCKET, RUN, tmp_path)
        assert raised.value.exit_code == 2
        assert tree(tmp_path) == {name}

    def test_a_file_added_to_a_runs_folder_is_not_deleted_with_it(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, "report.html")
        results.copy_results(s3, BUCKET, RUN, tmp_path)
        (tmp_path / "notes.md").write_text("mine")
        with pytest.raises(UsageError, match=r"notes\.md"):
            results.copy_results(s3, BUCKET, RUN, tmp_path)

    def test_a_file_is_no_folder(self, tmp_path: Path) -> None:
        (tmp_path / "out").touch()
        with pytest.raises(UsageError, match="not a folder"):
            results.check_folder(tmp_path / "out")

    def test_until_everything_has_arrived_the_earlier_results_stay(
        self, s3: S3Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        leave(s3, "report.html")
        results.copy_results(s3, BUCKET, RUN, tmp_path)
        leave(s3, "report.html", "summary.json", run="later-1")
        real = s3.download_file

        def breaks(bucket: str, key: str, path: str) -> None:
            if key.endswith("summary.json"):
                raise ConnectionResetError
            real(bucket, key, path)

        monkeypatch.setattr(s3, "download_file", breaks)
        with pytest.raises(ConnectionResetError):
            results.copy_results(s3, BUCKET, "later-1", tmp_path)
        assert (tmp_path / "report.html").read_text() == f"{RUN} report.html"
        monkeypatch.setattr(s3, "download_file", real)
        results.copy_results(s3, BUCKET, "later-1", tmp_path)
        assert tree(tmp_path) == {"report.html", "summary.json", ".orchard-results.json"}

    def test_a_key_cannot_lead_out_of_the_folder(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, "report.html", "../../escaped.html")
        with pytest.raises(RunFailedError, match="leads out"):
            results.copy_results(s3, BUCKET, RUN, tmp_path / "a" / "out")
        assert not list(tmp_path.rglob("escaped.html"))

    def test_a_run_without_files(self, s3: S3Client, tmp_path: Path) -> None:
        with pytest.raises(RunFailedError, match="left no results"):
            results.copy_results(s3, BUCKET, RUN, tmp_path)


class TestCopyLogs:
    STEP = "j-1/steps/s-1/stderr.gz"
    BOOT = "j-1/node/i-1/bootstrap-actions/1/stderr.gz"

    def test_what_steps_and_bootstrap_actions_wrote(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, self.STEP, self.BOOT, "j-1/containers/application_1/c_1/stderr.gz", prefix="logs")
        copied = results.copy_logs(s3, BUCKET, RUN, tmp_path / "out")
        assert copied == [tmp_path / "out/logs" / self.BOOT, tmp_path / "out/logs" / self.STEP]
        assert tree(tmp_path / "out/logs") == {self.STEP, self.BOOT}

    def test_a_failure_does_not_cost_the_results_of_an_earlier_run(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, "report.html")
        results.copy_results(s3, BUCKET, RUN, tmp_path)
        for run, name in (("later-1", "j-1/steps/s-1/stderr.gz"), ("later-2", "j-2/steps/s-2/stderr.gz")):
            leave(s3, name, run=run, prefix="logs")
            results.copy_logs(s3, BUCKET, run, tmp_path)
        assert tree(tmp_path) == {"report.html", ".orchard-results.json", "logs/j-2/steps/s-2/stderr.gz"}

    def test_a_folder_with_logs_only_can_be_replaced(self, s3: S3Client, tmp_path: Path) -> None:
        leave(s3, self.STEP, prefix="logs")
        results.copy_logs(s3, BUCKET, RUN, tmp_path)
        leave(s3, "report.html")
        results.copy_results(s3, BUCKET, RUN, tmp_path)
        assert tree(tmp_path) == {"report.html", ".orchard-results.json"}

    def test_no_cluster_came_so_far(self, s3: S3Client, tmp_path: Path) -> None:
        assert results.copy_logs(s3, BUCKET, RUN, tmp_path / "out") == []
        assert not (tmp_path / "out").exists()


def test_the_notice_lies_beside_the_results_until_the_next_run_replaces_both(s3: S3Client, tmp_path: Path) -> None:
    leave(s3, "report.html")
    results.copy_results(s3, BUCKET, RUN, tmp_path)
    path = results.write_notice(tmp_path, "Orchard: done, fruits\n\nRun fruits is done.\n")
    assert path.read_text() == "Orchard: done, fruits\n\nRun fruits is done.\n"
    results.copy_results(s3, BUCKET, RUN, tmp_path)
    assert tree(tmp_path) == {"report.html", ".orchard-results.json"}


def test_no_notice_is_written_into_somebody_elses_folder(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").touch()
    with pytest.raises(UsageError, match="other things"):
        results.write_notice(tmp_path, "done")
