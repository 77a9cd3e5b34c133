"""How long a cluster idles at most, by the definition: the arithmetic of docs/adr/0001."""

import pytest

from tests.support.asl.answers import GIVEN, answers, step
from tests.support.asl.graph import QUICK_SECONDS, tasks
from tests.support.asl.run import Run
from tests.support.asl.walk import walk
from tests.support.stack.template import ROOT, rendered, sam

ADR = ROOT / "docs" / "adr" / "0001-queued-steps-and-short-polls.md"
MOST_IDLE_SECONDS = 20
POLL_SECONDS = sam()["Parameters"]["PollSeconds"]["Default"]
DEFINITION = rendered(PollSeconds=str(POLL_SECONDS))
TASKS = tasks(DEFINITION)


def missed(end: str) -> Run:
    """A run in which the last step ends just after it was looked at for the first time."""
    return walk(DEFINITION, answers(LookAtSteps=[step("RUNNING"), step(end)]), GIVEN)


def idle(run: Run) -> tuple[int, int]:
    """The seconds of waiting and the calls between that look and the termination, both of these calls included."""
    first, terminated = run.visited.index("LookAtSteps"), run.visited.index("TerminateCluster")
    between = run.visited[first : terminated + 1]
    waits = run.visited[:first].count("AwaitSteps")
    return sum(run.waits[waits : waits + between.count("AwaitSteps")]), len([name for name in between if name in TASKS])


@pytest.mark.parametrize("end", ["COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED"])
def test_a_cluster_idles_20_seconds_at_most_after_its_last_step(end: str) -> None:
    waited, calls = idle(missed(end))
    assert waited + calls * QUICK_SECONDS <= MOST_IDLE_SECONDS


def test_the_record_of_the_decision_has_the_same_numbers() -> None:
    waited, calls = idle(missed("COMPLETED"))
    text = ADR.read_text("utf-8")
    assert f"| one poll, `PollSeconds` | {waited} s |" in text
    assert f"| calls, 1 s each | {calls} s |" in text
    assert f"| in all, at most | {waited + calls * QUICK_SECONDS:.0f} s |" in text


def test_a_step_never_waits_for_the_state_machine() -> None:
    run = missed("COMPLETED")
    created = run.visited.index("CreateCluster")
    assert run.visited[created + 1] == "QueueSteps"
    [cluster] = run.arguments("CreateCluster")
    assert cluster["StepConcurrencyLevel"] == 1, "EMR itself starts the next"
