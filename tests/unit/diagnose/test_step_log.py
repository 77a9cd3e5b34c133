"""What a Spark step's stderr gives away. The texts are excerpts of what spark-submit prints in client mode."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchard.diagnose.step_log import parse_step_log

INFO = "25/11/20 10:00:01 INFO SparkContext: Running Spark version 3.5.6-amzn-0\n"
OWN = (
    'ORCHARD-ERROR {"headline": "A share of 0.999 of the variance cannot be reached", '
    '"cause": "48 components explain 0.98 together", "next": "choose a smaller --variance"}\n'
)
TRACEBACK = """Traceback (most recent call last):
  File "/mnt/tmp/spark-1/featurize.py", line 40, in <module>
    main()
  File "/mnt/tmp/spark-1/orchard.zip/orchard/features/engine.py", line 12, in load
    import onnxruntime
ModuleNotFoundError: No module named 'onnxruntime'
"""
WORKER = """org.apache.spark.api.python.PythonException: Traceback (most recent call last):
  File "worker.py", line 1, in main
ValueError: the worker's own
"""


def test_the_jobs_own_line_is_the_cause_with_its_next_step() -> None:
    found = parse_step_log(INFO * 3 + OWN + INFO)
    assert found is not None
    assert found.cause.sentence == (
        "A share of 0.999 of the variance cannot be reached: 48 components explain 0.98 together."
    )
    assert found.cause.next_step == "choose a smaller --variance"
    assert (found.first_line, found.last_line) == (4, 4)


def test_the_jobs_own_line_is_preferred_to_a_traceback_after_it() -> None:
    found = parse_step_log(OWN + TRACEBACK)
    assert found is not None
    assert found.cause.sentence.startswith("A share of 0.999")


def test_a_known_error_at_the_end_of_a_traceback_is_explained() -> None:
    found = parse_step_log(INFO + TRACEBACK + INFO)
    assert found is not None
    assert found.cause.detail == "ModuleNotFoundError: No module named 'onnxruntime'"
    assert found.cause.next_step == "make publish"
    assert (found.first_line, found.last_line) == (2, 7)


def test_an_unknown_error_is_quoted() -> None:
    found = parse_step_log("Traceback (most recent call last):\n  File \"a.py\", line 1\nKeyError: 'split'\n")
    assert found is not None
    assert found.cause.sentence == "The job stopped with KeyError: 'split'"


def test_the_last_traceback_counts() -> None:
    found = parse_step_log(TRACEBACK + "Traceback (most recent call last):\n  x\nRuntimeError: the end\n")
    assert found is not None
    assert "the end" in found.cause.sentence


def test_an_indented_traceback_ends_at_its_own_indent() -> None:
    text = '\t  Traceback (most recent call last):\n\t    File "a.py", line 1\n\t  MemoryError: 1 GiB\n'
    found = parse_step_log(text)
    assert found is not None
    assert found.cause.sentence == "A process ran out of memory."


@pytest.mark.parametrize(
    "line",
    [
        "Caused by: java.lang.OutOfMemoryError: Java heap space",
        'Exception in thread "main" java.lang.OutOfMemoryError: GC overhead limit exceeded',
        "25/11/20 10:00:01 ERROR YarnScheduler: Lost executor 1: Container killed by YARN for exceeding memory limits.",
        "ExecutorLostFailure (executor 1 exited caused by one of the running tasks) Reason: exit code: 137",
    ],
)
def test_java_and_yarn_are_read_where_python_says_nothing(line: str) -> None:
    found = parse_step_log(INFO + line + "\n" + INFO)
    assert found is not None
    assert found.cause.sentence == "A process ran out of memory."
    assert found.first_line == 2


@pytest.mark.parametrize(
    "text", ["", INFO, "Traceback (most recent call last):\n  cut off", "ORCHARD-ERROR not json\n"]
)
def test_a_text_that_says_nothing_gives_nothing(text: str) -> None:
    assert parse_step_log(text) is None


@settings(deadline=None)
@given(st.lists(st.sampled_from([INFO, OWN, TRACEBACK, WORKER, "ORCHARD-ERROR [1]\n", "\x00\u2028\n"]) | st.text()))
def test_any_text_is_read_and_the_lines_lie_inside_it(parts: list[str]) -> None:
    text = "".join(parts)
    found = parse_step_log(text)
    if found is not None:
        assert 1 <= found.first_line <= found.last_line <= len(text.splitlines())
        assert found.cause.sentence
