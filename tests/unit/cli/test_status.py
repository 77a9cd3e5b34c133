"""`orchard status` and `orchard watch`: where a run stands, once or until it ends."""

import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from orchard.runs import follow
from orchard.runs.progress import Progress
from tests.support.cloud import awsfakes
from tests.support.cloud.fake import FakeCloud, orchard

FAILED = {"Error": "RunFailed", "Cause": "The disk is full."}
REFUSED = {"Error": "ArchiveRefused", "Cause": "it is empty"}


def rows(text: str) -> dict[str, str]:
    """The titles of the lines, and what follows them."""
    lines = [re.split(" {2,}", line.strip(), maxsplit=1) for line in text.splitlines() if not line.startswith(" ")]
    return dict(lines)


class TestStatus:
    def test_a_run_that_goes_on(self, make_cloud: Callable[..., FakeCloud]) -> None:
        cloud = make_cloud(goes_on=True)
        cloud.start("fruits-1")
        cloud.waits("fruits-1")
        result = orchard("status", "fruits")
        assert result.exit_code == 0, result.stderr
        told = rows(result.stdout)
        [cluster] = cloud.clusters()
        assert told["Run"] == "fruits-1"
        assert told["Status"] == "RUNNING, waiting for the steps"
        assert told["Archive"] == "s3://orchard-input/fruits.zip"
        assert told["Images"] == "1,922"
        assert told["Cluster"].startswith(f"{cluster} is ")
        assert told["Steps"] == "unzip -"
        assert told["Actual on AWS"] == "under $0.01 so far for the cluster, at prices of 2026-11 in eu-west-1"
        assert told["Estimate on AWS"] == "$0.06 for the whole run, at prices of 2026-11 in eu-west-1"
        assert told["Next"] == "orchard watch fruits-1"

    def test_the_latest_run_that_is_done(self, make_cloud: Callable[..., FakeCloud]) -> None:
        cloud = make_cloud()
        for run in ("fruits-1", "pears-1"):
            cloud.leave(run)
            cloud.start(run)
            cloud.ended(run)
        told = rows(orchard("status").stdout)
        assert (told["Run"], told["Status"], told["Next"]) == ("pears-1", "SUCCEEDED", "orchard results pears-1")

    def test_a_run_that_failed_is_an_answer_too(self, make_cloud: Callable[..., FakeCloud]) -> None:
        cloud = make_cloud(outcome=FAILED)
        cloud.start("fruits-1")
        cloud.ended("fruits-1")
        result = orchard("status", "fruits-1")
        assert result.exit_code == 0
        told = rows(result.stdout)
        assert (told["Status"], told["Cause"]) == ("FAILED", "The disk is full.")
        assert told["Next"] == "orchard diagnose fruits-1"

    def test_a_refused_archive_had_no_cluster(self, make_cloud: Callable[..., FakeCloud]) -> None:
        cloud = make_cloud(outcome=REFUSED)
        cloud.start("fruits-1")
        cloud.ended("fruits-1")
        told = rows(orchard("status").stdout)
        assert (told["Cluster"], told["Cause"]) == ("none", "it is empty")
        assert told["Next"] == "orchard diagnose fruits-1"  # a plan knows nothing of the upload's options
        assert told.keys().isdisjoint({"Actual on AWS", "Estimate on AWS"})

    def test_json(self, make_cloud: Callable[..., FakeCloud]) -> None:
        cloud = make_cloud(goes_on=True)
        cloud.start("fruits-1")
        cloud.waits("fruits-1")
        told = json.loads(orchard("status", "--json").stdout)
        [cluster] = cloud.clusters()
        assert told["run"] == "fruits-1"
        assert (told["status"], told["state"], told["images"]) == ("RUNNING", "AwaitSteps", 1922)
        assert told["cluster"] == cluster
        assert [step["name"] for step in told["steps"]] == ["unzip", "featurize", "pca"]
        assert 0 <= told["cost_usd"] < 0.1
        assert told["elapsed_seconds"] >= 0
        assert told["started"].startswith("20")

    def test_no_run(self, make_cloud: Callable[..., FakeCloud]) -> None:
        make_cloud()
        result = orchard("status", "fruits")
        assert result.exit_code == 2
        assert "Error: There is no run 'fruits'" in result.stderr
        assert "Next: orchard runs" in result.stderr

    def test_the_next_command_leads_to_the_same_stack(self, make_cloud: Callable[..., FakeCloud]) -> None:
        cloud = make_cloud()
        awsfakes.deploy(awsfakes.session(), name="staging", outputs=cloud.outputs)
        cloud.leave("fruits-1")
        cloud.start("fruits-1")
        cloud.ended("fruits-1")
        result = orchard("--stack", "staging", "status")
        assert rows(result.stdout)["Next"] == "orchard --stack staging results fruits-1"


class TestWatch:
    def test_until_it_is_done(self, make_cloud: Callable[..., FakeCloud]) -> None:
        cloud = make_cloud()
        cloud.leave("fruits-1")
        cloud.start("fruits-1")
        result = orchard("watch")
        assert result.exit_code == 0, result.stderr
        assert "asking for a cluster" in result.stderr
        assert result.stdout.startswith("The run fruits-1 is done after 0:0")
        assert ", actual on AWS under $0.01.\n" in result.stdout
        assert result.stdout.endswith("Next: orchard results fruits-1\n")

    def test_a_failure_has_its_cause_and_exit_1(self, make_cloud: Callable[..., FakeCloud]) -> None:
        make_cloud(outcome=FAILED).start("fruits-1")
        result = orchard("watch", "fruits-1")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.endswith(
            "Error: The run fruits-1 failed\n  The disk is full.\n  Next: orchard diagnose fruits-1\n"
        )

    def test_a_refusal_has_its_reason_and_exit_2(self, make_cloud: Callable[..., FakeCloud]) -> None:
        make_cloud(outcome=REFUSED).start("fruits-1")
        result = orchard("watch")
        assert result.exit_code == 2
        assert "Error: fruits.zip was refused\n  it is empty\n  Next: orchard diagnose fruits-1\n" in result.stderr

    def test_ctrl_c_leaves_the_run_alone_and_says_how_to_come_back(
        self, make_cloud: Callable[..., FakeCloud], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cloud = make_cloud(goes_on=True)
        cloud.start("fruits-1")

        def interrupted(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("orchard.cli.display.follow", interrupted)
        result = orchard("watch")
        assert result.exit_code == 130
        assert "  orchard watch fruits-1\n" in result.stderr
        assert cloud.waits("fruits-1")["status"] == "RUNNING"

    def test_a_run_whose_upload_has_just_ended_may_not_have_started(
        self, make_cloud: Callable[..., FakeCloud], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_cloud()
        monkeypatch.setattr(follow, "PATIENCE", 0.1)
        result = orchard("watch", "fruits-0123456789ab")
        assert result.exit_code == 1
        assert "has not started yet: the event of an upload can take a while" in result.stderr
        assert "Error: The upload started no run" in result.stderr
        assert orchard("watch", "fruits").exit_code == 2


class TestWatchedByAProgram:
    """`watch --json`: what happens, an event a line, the end last; exit codes are those of people."""

    def events(self, *words: str) -> tuple[int, list[dict[str, Any]]]:
        said = orchard("watch", "--json", *words)
        return said.exit_code, [json.loads(line) for line in said.stdout.splitlines()]

    def test_a_run_that_ends_well(self, make_cloud: Callable[..., FakeCloud]) -> None:
        cloud = make_cloud()
        cloud.leave("fruits-1")
        cloud.start("fruits-1")
        code, events = self.events()
        assert code == 0
        *before, end = events
        assert before
        assert {event["event"] for event in before} == {"progress"}
        assert {event["run"] for event in events} == {"fruits-1"}
        assert "asking for a cluster" in [line for event in before for line in event["news"]]
        assert (end["event"], end["status"], end["next"]) == ("end", "SUCCEEDED", "orchard results fruits-1")

    def test_a_run_that_fails(self, make_cloud: Callable[..., FakeCloud]) -> None:
        make_cloud(outcome=FAILED).start("fruits-1")
        code, events = self.events("fruits-1")
        assert code == 1
        assert (events[-1]["event"], events[-1]["cause"]) == ("end", "The disk is full.")

    def test_a_refused_archive(self, make_cloud: Callable[..., FakeCloud]) -> None:
        make_cloud(outcome=REFUSED).start("fruits-1")
        code, events = self.events()
        assert code == 2
        assert events[-1]["error"] == "ArchiveRefused"

    def test_a_look_that_fails_is_an_event_too(
        self, make_cloud: Callable[..., FakeCloud], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_cloud(outcome=FAILED).start("fruits-1")
        look, looks = follow.Follower.look, itertools.count()

        def troubled(self: follow.Follower) -> Progress | None:
            if next(looks) == 0:
                raise EndpointConnectionError(endpoint_url="https://states")
            return look(self)

        monkeypatch.setattr(follow.Follower, "look", troubled)
        _, events = self.events("fruits-1")
        assert events[0]["event"] == "trouble"
        assert "https://states" in events[0]["message"]


class TestResultsThatWereDeleted:
    """`status` and `results` do not send each other in a circle."""

    @pytest.fixture
    def cloud(self, make_cloud: Callable[..., FakeCloud]) -> FakeCloud:
        cloud = make_cloud()
        cloud.leave("fruits-1")
        cloud.start("fruits-1")
        cloud.ended("fruits-1")
        return cloud

    def test_by_clean_with_the_day(self, cloud: FakeCloud) -> None:
        assert orchard("clean", "outputs", "fruits-1", "--yes").exit_code == 0
        told = rows(orchard("status", "fruits-1").stdout)
        assert re.fullmatch(r"deleted by orchard clean, on \d{4}-\d\d-\d\d \d\d:\d\d", told["Results"])
        assert told["Next"] == "orchard run ZIP"
        plain = json.loads(orchard("status", "fruits-1", "--json").stdout)
        assert plain["results_deleted"]
        assert plain["results_deleted_at"].startswith("20")

    @pytest.mark.parametrize("words", [("results",), ("results", "--partial"), ("report", "--no-open")])
    @pytest.mark.parametrize("name", ["fruits-1", "fruits", ""])
    def test_whoever_asks_for_them_is_told_so(self, name: str, words: tuple[str, ...], cloud: FakeCloud) -> None:
        assert orchard("clean", "outputs", "fruits-1", "--yes").exit_code == 0
        said = orchard(*words, *([name] if name else []))
        assert said.exit_code == 1
        assert "Error: The results of the run fruits-1 were deleted\n  by orchard clean, on 20" in said.stderr
        assert said.stderr.endswith("Next: orchard run ZIP\n")

    def test_the_diagnosis_of_that_run_does_not_send_for_them(self, cloud: FakeCloud) -> None:
        assert orchard("clean", "outputs", "fruits-1", "--yes").exit_code == 0
        told = orchard("diagnose", "fruits-1").stdout
        assert "\nResults\n  deleted by orchard clean, on 20" in told
        assert told.endswith("\nNext\n  orchard run ZIP\n")
        assert json.loads(orchard("diagnose", "fruits-1", "--json").stdout)["next"] == "orchard run ZIP"

    def test_by_somebody_else(self, make_cloud: Callable[..., FakeCloud]) -> None:
        cloud = make_cloud()
        cloud.start("fruits-1")
        cloud.ended("fruits-1")
        assert rows(orchard("status").stdout)["Results"] == "deleted not by orchard clean; the time is not known"
        assert "the time is not known" in orchard("results").stderr

    def test_the_note_is_no_output_of_the_run(self, cloud: FakeCloud) -> None:
        assert orchard("clean", "outputs", "fruits-1", "--yes").exit_code == 0
        assert orchard("clean", "outputs", "--all", "--yes").stderr == "No outputs match.\n"

    def test_watch_leads_to_no_results_either(self, cloud: FakeCloud) -> None:
        assert orchard("clean", "outputs", "fruits-1", "--yes").exit_code == 0
        assert orchard("watch", "fruits-1").stdout.endswith("Next: orchard run ZIP\n")
