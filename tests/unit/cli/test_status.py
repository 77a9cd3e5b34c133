"""`orchard status` and `orchard watch`: where a run stands, once or until it ends."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from orchard import following
from tests import awsfakes
from tests.fakecloud import orchard

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from tests.fakecloud import FakeCloud

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
        assert told["Next"] == "orchard plan s3://orchard-input/fruits.zip"
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
        cloud.start("fruits-1")
        cloud.ended("fruits-1")
        result = orchard("--stack", "staging", "status")
        assert rows(result.stdout)["Next"] == "orchard --stack staging results fruits-1"


class TestWatch:
    def test_until_it_is_done(self, make_cloud: Callable[..., FakeCloud]) -> None:
        make_cloud().start("fruits-1")
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
        assert "Error: fruits.zip was refused\n  it is empty\n  Next: orchard plan s3://orchard-input" in result.stderr

    def test_ctrl_c_leaves_the_run_alone_and_says_how_to_come_back(
        self, make_cloud: Callable[..., FakeCloud], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cloud = make_cloud(goes_on=True)
        cloud.start("fruits-1")

        def interrupted(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(following, "follow", interrupted)
        result = orchard("watch")
        assert result.exit_code == 130
        assert "  orchard watch fruits-1\n" in result.stderr
        assert cloud.waits("fruits-1")["status"] == "RUNNING"

    def test_a_run_whose_upload_has_just_ended_may_not_have_started(
        self, make_cloud: Callable[..., FakeCloud], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_cloud()
        monkeypatch.setattr(following, "PATIENCE", 0.1)
        result = orchard("watch", "fruits-0123456789ab")
        assert result.exit_code == 1
        assert "has not started: an upload's event takes its time" in result.stderr
        assert "Error: The upload started no run" in result.stderr
        assert orchard("watch", "fruits").exit_code == 2
