"""`orchard stop` and `orchard sweep` end runs and clusters: what was asked for, after asking, and nothing else."""

import json
from collections.abc import Callable

import pytest

from tests.support.cloud import awsfakes
from tests.support.cloud.fake import FakeCloud, orchard

ENDED = {"TERMINATING", "TERMINATED"}


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchard.runs.stop._PAUSE", 0.01)


@pytest.fixture
def two_runs(make_cloud: Callable[..., FakeCloud]) -> dict[str, str]:
    """Two runs that go on, and their clusters."""
    cloud = make_cloud(goes_on=True)
    clusters: dict[str, str] = {}
    for run in ("fruits-1", "pears-1"):
        cloud.start(run)
        cloud.waits(run)
        [clusters[run]] = set(cloud.clusters()) - set(clusters.values())
    return clusters


def execution_status(run: str) -> str:
    told = orchard("status", run, "--json")
    return str(json.loads(told.stdout)["status"])


def cluster_state(cluster: str) -> str:
    return awsfakes.session().client("emr").describe_cluster(ClusterId=cluster)["Cluster"]["Status"]["State"]


def stranger(*tags: tuple[str, str]) -> str:
    """A cluster of somebody else."""
    tagged = [{"Key": key, "Value": value} for key, value in tags]
    instances = {"KeepJobFlowAliveWhenNoSteps": True}
    started = awsfakes.session().client("emr").run_job_flow(Name="theirs", Instances=instances, Tags=tagged)  # type: ignore[arg-type]
    return started["JobFlowId"]


class TestStop:
    def test_it_asks_and_ends_the_run_with_its_cluster(self, two_runs: dict[str, str]) -> None:
        result = orchard("stop", "fruits", typed="y\n")
        assert result.exit_code == 0, result.stderr
        question = result.stderr.splitlines()[0]
        assert question.startswith("Stop the run fruits-1 after 0:0")
        assert f"waiting for the steps; cluster {two_runs['fruits-1']}, actual on AWS under $0.01 so far)?" in question
        assert result.stdout == f"The run fruits-1 is stopped. Terminating {two_runs['fruits-1']}.\n"
        assert execution_status("fruits-1") == "ABORTED"
        assert cluster_state(two_runs["fruits-1"]) in ENDED
        assert (execution_status("pears-1"), cluster_state(two_runs["pears-1"])) == ("RUNNING", "WAITING")

    def test_no_name_is_not_the_latest_run(self, two_runs: dict[str, str]) -> None:
        result = orchard("stop", "", "--yes")
        assert (result.exit_code, "names no run" in result.stderr) == (2, True)
        assert execution_status("pears-1") == execution_status("fruits-1") == "RUNNING"

    def test_no_means_no(self, two_runs: dict[str, str]) -> None:
        result = orchard("stop", "fruits-1", typed="n\n")
        assert result.exit_code == 0
        assert result.stderr.endswith("Nothing was done.\n")
        assert execution_status("fruits-1") == "RUNNING"

    def test_without_anybody_to_ask_nothing_is_done(self, two_runs: dict[str, str]) -> None:
        result = orchard("stop", "fruits-1")
        assert result.exit_code == 2
        assert "add --yes" in result.stderr
        assert execution_status("fruits-1") == "RUNNING"

    def test_twice_is_once(self, two_runs: dict[str, str]) -> None:
        first = json.loads(orchard("stop", "fruits-1", "--yes", "--json").stdout)
        assert first == {"run": "fruits-1", "status": "ABORTED", "stopped": True, "clusters": [two_runs["fruits-1"]]}
        again = orchard("stop", "fruits-1")
        assert (again.exit_code, again.stderr) == (0, "")
        assert again.stdout == "The run fruits-1 has ended: ABORTED. Nothing of it is left.\n"

    def test_a_run_that_has_ended_may_have_left_a_cluster(self, make_cloud: Callable[..., FakeCloud]) -> None:
        cloud = make_cloud()
        cloud.start("fruits-1")
        cloud.ended("fruits-1")
        [cluster] = cloud.clusters()
        result = orchard("stop", "fruits-1", typed="y\n")
        assert f"has ended (SUCCEEDED) and left cluster {cluster} behind" in result.stderr
        assert result.stdout == f"The run fruits-1 has ended: SUCCEEDED. Terminating {cluster}.\n"
        assert cluster_state(cluster) in ENDED


class TestSweep:
    @pytest.fixture
    def leftover(self, make_cloud: Callable[..., FakeCloud]) -> str:
        """A cluster whose run has ended."""
        cloud = make_cloud()
        cloud.start("fruits-1")
        cloud.ended("fruits-1")
        [cluster] = cloud.clusters()
        return cluster

    def test_it_lists_asks_and_terminates(self, leftover: str) -> None:
        result = orchard("sweep", typed="y\n")
        assert result.exit_code == 0, result.stderr
        title, line = result.stdout.splitlines()
        assert title.split() == ["Cluster", "Age", "Actual", "on", "AWS", "Run", "Status"]
        assert line.split()[:1] + line.split()[2:] == [leftover, "under", "$0.01", "fruits-1", "SUCCEEDED"]
        assert "Terminate 1 cluster? [y/N]" in result.stderr
        assert result.stderr.endswith("Terminating 1 cluster.\n")
        assert cluster_state(leftover) in ENDED
        assert orchard("sweep").stdout == "No cluster has outlived its run.\n"

    def test_a_dry_run_and_a_no_do_nothing(self, leftover: str) -> None:
        told = json.loads(orchard("sweep", "--dry-run", "--json").stdout)
        assert [(one["cluster"], one["run"], one["terminated"]) for one in told] == [(leftover, "fruits-1", False)]
        assert orchard("sweep", typed="n\n").stderr.endswith("Nothing was done.\n")
        assert cluster_state(leftover) == "WAITING"

    def test_it_touches_no_others(self, two_runs: dict[str, str]) -> None:
        theirs = [
            stranger(),
            stranger(("project", "orchard")),
            stranger(("orchard:run-id", "gone-1"), ("orchard:stack", "staging")),
        ]
        ours = stranger(("orchard:run-id", "gone-1"), ("orchard:stack", "orchard"))
        result = orchard("sweep", "--yes", "--json")
        [told] = json.loads(result.stdout)
        assert (told["cluster"], told["status"], told["cost_usd"], told["terminated"]) == (ours, "", None, True)
        assert [cluster_state(one) for one in (*two_runs.values(), *theirs)] == ["WAITING"] * 5
        assert cluster_state(ours) in ENDED

    def test_what_is_no_leftover_any_more_is_spared(self, leftover: str, monkeypatch: pytest.MonkeyPatch) -> None:
        from orchard.runs import orphans

        looks = iter([orphans.leftovers])
        monkeypatch.setattr(orphans, "leftovers", lambda *given: next(looks, lambda *_: ())(*given))
        result = orchard("sweep", "--yes")
        assert result.stderr.endswith("Terminating 0 clusters.\n")
        assert cluster_state(leftover) == "WAITING"
