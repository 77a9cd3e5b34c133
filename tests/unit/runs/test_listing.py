"""A run is found by its id, by the beginning of it, or as the latest; runs are listed newest first, page by page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from orchard.compute.base import Access
from orchard.compute.cost import Cost
from orchard.compute.registry import Computes
from orchard.errors import UsageError
from orchard.local.moto.history import paged_histories
from orchard.runs import listing
from tests.support.cloud import awsfakes
from tests.support.cloud.awsfakes import client_error
from tests.support.cloud.fake import FakeCloud

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:orchard-pipeline"


class Executions:
    """The part of Step Functions that lists, two executions a page."""

    def __init__(self, *listed: tuple[str, str]) -> None:
        self.listed = listed
        self.pages_read = 0

    def get_paginator(self, name: str) -> Executions:
        assert name == "list_executions"
        return self

    def paginate(self, stateMachineArn: str, statusFilter: str = "") -> Iterator[dict[str, Any]]:  # noqa: N803
        assert stateMachineArn == MACHINE
        found = [
            {"name": name, "executionArn": f"arn:{name}", "status": status, "startDate": START - timedelta(hours=age)}
            for age, (name, status) in enumerate(self.listed)
            if status == (statusFilter or status)
        ]
        for begin in range(0, len(found), 2):
            self.pages_read += 1
            yield {"executions": found[begin : begin + 2]}


LISTED = (("e-5", "RUNNING"), ("d-4", "FAILED"), ("c-3", "SUCCEEDED"), ("b-2", "TIMED_OUT"), ("a-1", "FAILED"))


class TestListRuns:
    def test_all_of_them_over_all_pages(self) -> None:
        sfn: Any = Executions(*LISTED)
        assert [(run.id, run.status) for run in listing.list_runs(sfn, MACHINE)] == list(LISTED)

    def test_whoever_stops_early_asks_for_no_more(self) -> None:
        sfn: Any = Executions(*LISTED)
        assert next(listing.list_runs(sfn, MACHINE)) == listing.Run("e-5", "arn:e-5", "RUNNING", START)
        assert sfn.pages_read == 1

    def test_several_statuses_are_in_one_order(self) -> None:
        sfn: Any = Executions(*LISTED)
        assert [run.id for run in listing.list_runs(sfn, MACHINE, listing.BADLY_ENDED)] == ["d-4", "b-2", "a-1"]


def test_those_that_go_on_are_listed_in_few_calls_and_say_when_they_were_redriven() -> None:
    class Going:
        def get_paginator(self, name: str) -> Going:
            assert name == "list_executions"
            return self

        def paginate(self, **asked: object) -> list[dict[str, Any]]:
            assert asked == {
                "stateMachineArn": MACHINE,
                "statusFilter": "RUNNING",
                "PaginationConfig": {"PageSize": 1000},
            }
            began = {"executionArn": "arn:a", "status": "RUNNING", "startDate": START}
            again = {**began, "redriveDate": START + timedelta(hours=1), "redriveCount": 1}
            return [{"executions": [{"name": "a", **began}]}, {"executions": [{"name": "b", **again}]}]

    sfn: Any = Going()
    assert [(run.id, run.redriven) for run in listing.going_on(sfn, MACHINE)] == [
        ("a", None),
        ("b", START + timedelta(hours=1)),
    ]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCloud]:
    awsfakes.isolate(monkeypatch)
    with paged_histories(), awsfakes.executing():
        yield FakeCloud()


def find(cloud: FakeCloud, name: str) -> str:
    return listing.find_run(awsfakes.session().client("stepfunctions"), cloud.outputs["StateMachineArn"], name)


class TestFindRun:
    def test_by_its_id_or_a_beginning_of_it(self, cloud: FakeCloud) -> None:
        arns = {run: cloud.start(run) for run in ("fruits-0a", "fruits-0a1", "pears-1")}
        for name, run in {
            "fruits-0a": "fruits-0a",  # which is a run's whole id, and no less for being the beginning of another's
            "fruits-0a1": "fruits-0a1",
            "p": "pears-1",
        }.items():
            assert find(cloud, name) == arns[run]

    def test_the_latest(self, cloud: FakeCloud) -> None:
        cloud.start("fruits-1")
        latest = cloud.start("pears-1")
        assert find(cloud, "") == latest

    def test_no_run_at_all(self, cloud: FakeCloud) -> None:
        with pytest.raises(UsageError, match="No run has started"):
            find(cloud, "")
        with pytest.raises(UsageError, match="There is no run 'fruits': there are none yet"):
            find(cloud, "fruits")

    def test_nothing_is_the_beginning_of_no_run(self) -> None:
        with pytest.raises(UsageError, match="There is no run ''"):
            listing.the_one("", ["fruits-1"])

    @pytest.mark.parametrize("name", ["plums", "fruits/1", "fruits:1", "fruits 1", "*"])
    def test_an_unknown_one_is_told_what_there_is(self, cloud: FakeCloud, name: str) -> None:
        for number in range(7):
            cloud.start(f"fruits-{number}")
        with pytest.raises(UsageError, match=r"there is fruits-6, fruits-5, .*, fruits-2 and 2 more") as raised:
            find(cloud, name)
        assert raised.value.next_command == "orchard runs"

    def test_a_beginning_of_several(self, cloud: FakeCloud) -> None:
        for run in ("fruits-1", "fruits-2", "pears-1"):
            cloud.start(run)
        with pytest.raises(UsageError, match=r"More than one run begins with 'fruits': there is fruits-2, fruits-1$"):
            find(cloud, "fruits")


def test_what_cannot_be_an_executions_name_is_not_asked_for() -> None:
    sfn: Any = Executions(*LISTED)  # which cannot be asked for one
    with pytest.raises(UsageError, match="There is no run 'e/5'"):
        listing.find_run(sfn, MACHINE, "e/5")


@pytest.mark.parametrize(
    "given", ["null", "[]", '"words"', "7", "{}", '{"archive": [], "launch": 7, "cluster": "j-1"}']
)
def test_an_execution_with_an_odd_input_is_listed_as_any_other(cloud: FakeCloud, given: str) -> None:
    session = awsfakes.session()
    sfn, machine = session.client("stepfunctions"), cloud.outputs["StateMachineArn"]
    arn = sfn.start_execution(stateMachineArn=machine, name="früits!", input=given)["executionArn"]
    cloud.ended("früits!")
    [run] = listing.list_runs(sfn, machine)
    line = listing.look_up(run, sfn, Computes(Access(lambda _: session.client("emr"), {})), run.started)
    assert (line.run.id, line.run.status, line.known.archive.uri) == ("früits!", "SUCCEEDED", "")
    assert find(cloud, "früits!") == arn


class TestLookUp:
    def line(self, cloud: FakeCloud, emr: object = None) -> listing.RunLine:
        cloud.start("fruits-1", "a b/fruits.zip")
        cloud.ended("fruits-1")
        session = awsfakes.session()
        sfn, real = session.client("stepfunctions"), session.client("emr")
        [run] = listing.list_runs(sfn, cloud.outputs["StateMachineArn"])
        computes = Computes(Access(lambda _: emr or real, {}))
        return listing.look_up(run, sfn, computes, run.started + timedelta(hours=2))

    def test_what_the_list_does_not_say(self, cloud: FakeCloud) -> None:
        line = self.line(cloud)
        assert (line.run.id, line.run.status, line.known.archive.uri) == (
            "fruits-1",
            "SUCCEEDED",
            "s3://orchard-input/a b/fruits.zip",
        )
        assert line.known.plan.images == 1922
        assert line.cost == Cost(
            0.06, pytest.approx(0.72, abs=0.01), "2026-11", "eu-west-1"
        )  # its cluster was left behind
        assert timedelta() <= line.took < timedelta(minutes=1)

    def test_a_cluster_that_emr_has_forgotten(self, cloud: FakeCloud) -> None:
        line = self.line(cloud, Forgetful("InvalidRequestException"))
        assert (line.known.plan.images, line.cost.actual) == (1922, None)

    def test_another_error_is_not_hidden(self, cloud: FakeCloud) -> None:
        with pytest.raises(ClientError, match="AccessDenied"):
            self.line(cloud, Forgetful("AccessDeniedException"))


class Forgetful:
    """EMR, which knows of no cluster."""

    def __init__(self, code: str) -> None:
        self._code = code

    def describe_cluster(self, ClusterId: str) -> None:  # noqa: N803 (botocore's name)
        raise client_error(self._code, message=f"Cluster id '{ClusterId}' is not valid.")
