"""Walk a state machine in no time: an interpreter of the little that our definition uses of the States Language.

moto's interpreter takes a second for a run, and hundreds of damaged definitions have to be tried. This one takes some
milliseconds; that it does what moto's does is tested, scenario by scenario. Anything that it does not know is an error.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.asl.judge import ENTERED, EXECUTION, STARTED
from tests.support.asl.query import EVALUATOR, Evaluator, Value, check_sizes
from tests.support.asl.run import Fails, Redriven, Run, RunError, redriven
from tests.support.stack.template import RUN_ID

Json = Any
State = dict[str, Json]

FIELDS = {
    "Task": {"Resource", "Arguments", "Assign", "TimeoutSeconds", "Retry", "Catch", "Next"},
    "Choice": {"Choices", "Default", "Assign"},
    "Wait": {"Seconds", "Assign", "Next"},
    "Succeed": set[str](),
    "Fail": {"Error", "Cause"},
}
"""Every field that is understood, by the type of the state."""


def walk(
    definition: dict[str, Any],
    script: Mapping[str, Sequence[dict[str, Any] | Fails | Redriven]],
    given: object,
    evaluator: Evaluator = EVALUATOR,
    most: int = 400,
) -> Run:
    """Run a state machine to its end, or to the point where it goes on for ever.

    Args:
        definition: The definition, rendered.
        script: Task state → its answers, in order; the last one is given again and again.
        given: The execution's input.
        evaluator: What evaluates expressions.
        most: After so many states, an execution is said to go on for ever.

    Returns:
        What it did; its status is "ENDLESS" if it did not end.
    """
    walking = _Walk(definition, script, given, evaluator)
    try:
        walking.to_the_end(most)
    except RunError as failure:
        walking.done.status, walking.done.error, walking.done.cause = "FAILED", failure.error, failure.cause
    walking.done.variables = {name: value.json for name, value in walking.variables.items()}
    return walking.done


class _Walk:
    def __init__(
        self,
        definition: dict[str, Any],
        script: Mapping[str, Sequence[dict[str, Any] | Fails | Redriven]],
        given: object,
        evaluator: Evaluator,
    ) -> None:
        if definition["QueryLanguage"] != "JSONata":
            raise ValueError(definition["QueryLanguage"])
        self.states: dict[str, State] = definition["States"]
        self.name: str = definition["StartAt"]
        self.answers = {state: list(found) for state, found in script.items()}
        self.variables: dict[str, Value] = {}
        self.input: Json = given
        self.evaluator = evaluator
        self.context: dict[str, Json] = {
            "Execution": {"Id": EXECUTION, "Name": RUN_ID, "StartTime": STARTED},
            "State": {"EnteredTime": ENTERED},
        }
        self.done = Run()

    def to_the_end(self, most: int) -> None:
        while len(self.done.visited) < most:
            self.done.visited.append(self.name)
            state = self.states[self.name]
            if unknown := state.keys() - FIELDS[state["Type"]] - {"Type", "Comment"}:
                raise ValueError(unknown)
            if state["Type"] in ("Succeed", "Fail"):
                self.done.status = "SUCCEEDED" if state["Type"] == "Succeed" else "FAILED"
                self.done.error = self.filled(state.get("Error", ""))
                self.done.cause = self.filled(state.get("Cause", ""))
                return
            self.name = {"Task": self.call, "Choice": self.choose, "Wait": self.wait}[state["Type"]](state)
        self.done.status = "ENDLESS"

    def call(self, state: State) -> str:
        tried: dict[int, int] = {}
        while True:
            failure = self.attempt(state)
            if failure is None:
                return str(state["Next"])
            if isinstance(failure, Redriven):
                tried = {}
                redriven(self.context["Execution"])
                continue
            number = _matching(state.get("Retry", []), failure.error)
            if number is None or tried.get(number, 0) >= state["Retry"][number].get("MaxAttempts", 3):
                break
            tried[number] = tried.get(number, 0) + 1
        number = _matching(state.get("Catch", []), failure.error)
        if number is None:
            raise RunError(failure.error, failure.cause)
        catch = state["Catch"][number]
        output = {"Error": failure.error, "Cause": failure.cause}
        self.assign(catch, errorOutput=output)
        self.input = output
        return str(catch["Next"])

    def attempt(self, state: State) -> Fails | Redriven | None:
        """Call once and keep what is answered; what goes wrong with that is the state's error too."""
        try:
            arguments = self.evaluator.filled(state["Arguments"], self.known({}))
            check_sizes(self.name, [arguments])
            self.done.calls.append((self.name, arguments.json))
            left = self.answers[self.name]
            answer = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(answer, Fails | Redriven):
                return answer
            check_sizes(self.name, [Value(answer)])
            self.assign(state, result=answer)
        except RunError as error:
            if error.error == "States.DataLimitExceeded":
                raise
            return Fails(error.error, error.cause)
        self.input = answer
        return None

    def choose(self, state: State) -> str:
        for rule in state["Choices"]:
            holds = self.filled(rule["Condition"])
            if not isinstance(holds, bool):
                raise RunError("States.QueryEvaluationError", f"{rule['Condition']} is {holds}")
            if holds:
                self.assign(rule)
                return str(rule["Next"])
        self.assign(state)
        return str(state["Default"])

    def wait(self, state: State) -> str:
        self.done.waits.append(self.filled(state["Seconds"]))
        self.assign(state)
        return str(state["Next"])

    def filled(self, template: Json, **states: Json) -> Json:
        return self.evaluator.filled(template, self.known(states)).json

    def known(self, states: dict[str, Json]) -> dict[str, Value]:
        return {**self.variables, "states": Value({"input": self.input, "context": self.context, **states})}

    def assign(self, place: State, **states: Json) -> None:
        known = self.known(states)
        found = {name: self.evaluator.filled(value, known) for name, value in place.get("Assign", {}).items()}
        check_sizes(f"Assign of {self.name}", found.values())
        self.variables.update(found)


def _matching(rules: list[dict[str, Any]], error: str) -> int | None:
    for number, rule in enumerate(rules):
        if error in rule["ErrorEquals"] or "States.ALL" in rule["ErrorEquals"]:
            return number
    return None
