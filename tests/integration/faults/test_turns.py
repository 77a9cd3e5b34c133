"""More uploads at once than may work: the others wait, in the order of their start, at no cost; nothing starves."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import boto3
import pytest

from orchard.cli.display import doing
from orchard.compute.base import Access
from orchard.compute.registry import Computes
from orchard.local.cloud import LocalCloud
from orchard.runs.follow import Follower
from orchard.runs.listing import Run, list_runs, look_up
from orchard.runs.progress import Progress
from tests.integration.faults.pipeline import Pipeline, archive, small_stack
from tests.integration.faults.server import raising, refused, returning
from tests.integration.faults.timing import quick_pauses, unhurried_starts
from tests.support.cloud.in_process import InProcessRunner
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

AT_ONCE = 2
UNTIL_LET_GO = "until [ -e $0.go ]; do sleep 0.05; done"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A stack in which two runs may work at a time."""
    stack = replace(small_stack(tmp_path_factory.mktemp("layer")), parameters={"MaximumRuns": str(AT_ONCE)})
    home = tmp_path_factory.mktemp("home")
    with quick_pauses(), unhurried_starts(), LocalCloud(stack, home, runner=InProcessRunner, cores=1) as cloud:
        yield Pipeline(cloud)


def progress(pipeline: Pipeline, run: str) -> Progress | None:
    computes = Computes(Access(lambda _: boto3.client("emr"), {}))
    follower = Follower(boto3.client("stepfunctions"), computes, pipeline.execution(run), lambda: datetime.now(UTC))
    return follower.look()


def waits(pipeline: Pipeline, run: str, ahead: int) -> str:
    """What is said of a run once it waits behind so many."""

    def look() -> str | None:
        now = progress(pipeline, run)
        return doing(now) if now and now.awaits and now.awaits.ahead == ahead else None

    return eventually(look, f"{run} waiting behind {ahead}")


def busy(pipeline: Pipeline, name: str, number: int) -> list[str]:
    """So many runs, started one after the other, that work until they are let go; those without a turn wait."""
    runs = []
    for one in range(number):
        runs.append(pipeline.upload(f"{name} {one}.zip", unzip=UNTIL_LET_GO))
        if one < AT_ONCE:
            pipeline.step(runs[one], "RUNNING")
        else:
            waits(pipeline, runs[one], one)
    return runs


def let_go(pipeline: Pipeline, name: str, *numbers: int) -> None:
    for number in numbers:
        pipeline.let_go(f"{name}-{number}", "unzip")


def test_of_more_uploads_than_may_work_the_others_wait_and_all_are_done(pipeline: Pipeline) -> None:
    runs = busy(pipeline, "crowd", AT_ONCE + 2)
    sfn, emr = boto3.client("stepfunctions"), boto3.client("emr")
    assert waits(pipeline, runs[3], 3) == "waits for its turn, behind 3 runs"
    listed: dict[str, Run] = {run.id: run for run in list_runs(sfn, pipeline.machine)}
    line = look_up(listed[runs[3]], sfn, Computes(Access(lambda _: emr, {})), datetime.now(UTC))
    assert str(line.awaits) == "waits for its turn, behind 3 runs"
    assert [len(pipeline.clusters(run)) for run in runs] == [1, 1, 0, 0], "waiting makes nothing"
    let_go(pipeline, "crowd", 1)
    pipeline.step(runs[2], "RUNNING")
    assert waits(pipeline, runs[3], 2) == "waits for its turn, behind 2 runs"
    let_go(pipeline, "crowd", 0, 2, 3)

    done = [pipeline.outcome(run) for run in runs]

    assert [one.status for one in done] == ["SUCCEEDED"] * 4
    began = [one.clusters[0].created for one in done]
    assert began == sorted(began), "in the order of their start"


def test_a_crowd_that_comes_at_once_never_works_at_once(pipeline: Pipeline) -> None:
    runs = [pipeline.upload(f"at once {number}.zip", unzip=UNTIL_LET_GO) for number in range(AT_ONCE + 2)]
    waiting = [run for run in runs if pipeline_waits(pipeline, run)]

    assert len(waiting) == 2
    assert [pipeline.clusters(run) for run in waiting] == [[], []]
    let_go(pipeline, "at-once", *range(4))
    assert [pipeline.outcome(run).status for run in runs] == ["SUCCEEDED"] * 4


def pipeline_waits(pipeline: Pipeline, run: str) -> bool:
    """Whether a run waits, once that is known."""

    def look() -> str | None:
        now = progress(pipeline, run)
        if now is not None and now.awaits:
            return "waits"
        return "works" if now is not None and now.known.cluster else None

    return eventually(look, f"the turn of {run}, or its waiting") == "waits"


def test_what_is_refused_waits_for_no_turn(pipeline: Pipeline) -> None:
    busy(pipeline, "refusing", AT_ONCE)
    refused_run = pipeline.upload("no zip.zip", b"words")

    def ended() -> bool:
        now = progress(pipeline, refused_run)
        return now is not None and now.ended

    eventually(ended, "the refusal")
    let_go(pipeline, "refusing", 0, 1)
    assert pipeline.outcome(refused_run).error == "ArchiveRefused"


def test_a_run_that_waits_is_stopped(pipeline: Pipeline) -> None:
    runs = busy(pipeline, "leaving", AT_ONCE + 2)
    pipeline.stop(runs[2])
    assert waits(pipeline, runs[3], 2) == "waits for its turn, behind 2 runs", "nobody stands before it any more"
    let_go(pipeline, "leaving", 0, 1, 3)

    done = [pipeline.outcome(run) for run in runs]

    assert [one.status for one in done] == ["SUCCEEDED", "SUCCEEDED", "ABORTED", "SUCCEEDED"]
    assert done[2].clusters == ()


def test_a_run_that_works_is_killed_and_the_next_has_its_place(pipeline: Pipeline) -> None:
    runs = busy(pipeline, "killed", AT_ONCE + 1)
    pipeline.stop(runs[0])
    pipeline.step(runs[2], "RUNNING")
    let_go(pipeline, "killed", 1, 2)

    done = [pipeline.outcome(run) for run in runs]

    assert [one.status for one in done] == ["ABORTED", "SUCCEEDED", "SUCCEEDED"]


def test_step_functions_does_not_say_for_a_while_which_runs_go_on(pipeline: Pipeline) -> None:
    with refused("ListExecutions", "ThrottlingException", "Rate exceeded", times=3) as fault:
        done = pipeline.run()

    assert fault.struck == 3
    assert done.status == "SUCCEEDED"


def test_await_turn_raises_for_a_while(pipeline: Pipeline) -> None:
    with raising("AwaitTurn", times=4):
        assert pipeline.run().status == "SUCCEEDED"


def test_await_turn_raises(pipeline: Pipeline) -> None:
    with raising("AwaitTurn"):
        done = pipeline.outcome(pipeline.upload(body=archive()))

    assert (done.status, done.clusters) == ("FAILED", ())
    assert "no such fruit" in done.said


@pytest.mark.parametrize("nonsense", [b"null", b"[]", b'"fruit"', b"{}", b'{"may_go": "yes"}', b'{"wait_seconds": 0}'])
def test_await_turn_returns_nonsense(pipeline: Pipeline, nonsense: bytes) -> None:
    with returning("AwaitTurn", nonsense):
        done = pipeline.run()

    assert (done.status, done.clusters) == ("FAILED", ())
    assert "waited for its turn" in done.said
