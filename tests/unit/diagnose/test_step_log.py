"""What the logs of Spark's processes give away: the cause, where it stands, and what is Python's and what is Java's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.diagnose import step_log
from orchard.diagnose.chain import chain_of
from orchard.diagnose.finding import Finding
from orchard.diagnose.known import OWN_WORDS, QUOTE, ROOT_CAUSE, SYMPTOM
from orchard.diagnose.records import lines_of
from orchard.diagnose.step_log import named_applications, parse_spark_log
from tests.unit.diagnose.sample_logs import names, sample

INFO = "26/11/20 10:00:01 INFO SparkContext: Running Spark version 3.5.6-amzn-0\n"
OWN = sample("step-stdout-own-words")
TRACEBACK = """Traceback (most recent call last):
  File "/mnt/tmp/spark-1/featurize.py", line 40, in <module>
    main()
  File "/mnt/tmp/spark-1/orchard.zip/orchard/features/engine.py", line 12, in load
    import onnxruntime
ModuleNotFoundError: No module named 'onnxruntime'
"""


def found(text: str) -> Finding:
    finding = parse_spark_log(text).finding
    assert finding is not None
    return finding


@pytest.mark.parametrize(
    ("log", "sentence", "weight"),
    [
        ("step-stdout-own-words", "A share of 0.999 of the variance cannot be reached: 48 components", OWN_WORDS),
        ("step-stdout-archive-changed", "The archive was replaced or deleted", ROOT_CAUSE),
        ("step-stdout-python-error", "The job stopped with ValueError: the picture at row 7", ROOT_CAUSE),
        ("step-stdout-python-memory", "Python ran out of memory", ROOT_CAUSE),
        ("step-stdout-py4j", "The job stopped with ZeroDivisionError: division by zero", ROOT_CAUSE),
        ("step-stdout-worker-crashed", "A Python worker died without saying why", SYMPTOM),
        ("step-stderr-worker-crashed", "A Python worker died without saying why", SYMPTOM),
        ("step-stdout-driver-lost", "Spark's driver process died", SYMPTOM),
        ("step-stderr-killed-by-yarn", "A worker used more memory than its container has", ROOT_CAUSE),
        ("step-stderr-container-137", "A process was killed, most likely because", SYMPTOM),
        ("step-stderr-lost-node", "A machine was taken away while it worked", ROOT_CAUSE),
        (
            "step-stderr-access-denied",
            "A permission is missing: the role orchard-node-eu-west-1 may not s3:P",
            ROOT_CAUSE,
        ),
        ("step-stderr-disk-full", "A disk is full", ROOT_CAUSE),
        ("step-stderr-task-recovered", "The job stopped with ZeroDivisionError", ROOT_CAUSE),
        ("container-stdout-java-heap", "Java ran out of memory", ROOT_CAUSE),
        ("container-stderr-python-memory", "Python ran out of memory", ROOT_CAUSE),
        ("container-stderr-task-recovered", "The job stopped with ZeroDivisionError", ROOT_CAUSE),
    ],
)
def test_a_log_of_each_kind_gives_its_cause(log: str, sentence: str, weight: int) -> None:
    finding = found(sample(log))
    assert finding.cause.sentence.startswith(sentence)
    assert finding.cause.next_step
    assert finding.cause.weight == weight
    lines = sample(log).split("\n")
    assert finding.lines[0] == (
        finding.first_line,
        lines[finding.first_line - 1][:240] + " ..." * (len(lines[finding.first_line - 1]) > 240),
    )
    assert finding.lines[-1][0] == finding.last_line


def test_every_sample_of_a_spark_process_is_tested_above() -> None:
    [mark] = test_a_log_of_each_kind_gives_its_cause.pytestmark  # type: ignore[attr-defined]
    assert {log for log, *_ in mark.args[1]} == {*names("step-"), *names("container-")}


def test_the_jobs_own_line_is_the_cause_with_its_next_step() -> None:
    finding = found(INFO * 3 + OWN + INFO)
    assert finding.cause.next_step == "choose a smaller --variance"
    assert (finding.first_line, finding.last_line) == (5, 5)


def test_a_cause_of_several_lines_keeps_them() -> None:
    line = 'ORCHARD-ERROR {"headline": "Too many", "cause": "3 x cut short\\n2 x not a picture", "next": "n"}'
    assert found(line).cause.sentence == "Too many: 3 x cut short\n2 x not a picture."


@pytest.mark.parametrize("cause", ["all are in s3://out/runs/r/rejected/", "it is a sentence."])
def test_no_full_stop_is_put_behind_an_address_or_another(cause: str) -> None:
    line = f'ORCHARD-ERROR {{"headline": "Too many", "cause": "{cause}", "next": "n"}}'
    assert found(line).cause.sentence == f"Too many: {cause}"


def test_the_jobs_own_line_is_preferred_to_a_traceback_after_it() -> None:
    assert found(OWN + TRACEBACK).cause.sentence.startswith("A share of 0.999")


def test_a_known_error_at_the_end_of_a_traceback_is_explained() -> None:
    finding = found(INFO + TRACEBACK + INFO)
    assert finding.cause.detail == "ModuleNotFoundError: No module named 'onnxruntime'"
    assert finding.cause.next_step == "sam build && sam deploy"
    assert (finding.first_line, finding.last_line) == (2, 7)
    assert finding.lines[-1] == (7, "ModuleNotFoundError: No module named 'onnxruntime'")


def test_the_last_of_equal_tracebacks_counts() -> None:
    text = "Traceback (most recent call last):\n  x\nRuntimeError: {}\n"
    assert "the end" in found(text.format("the beginning") + "hello\n" + text.format("the end")).cause.sentence


WARNING = "26/11/20 10:00:01 WARN Retries: trying again\n"
SLOW = f"{WARNING}software.amazon.awssdk.services.s3.model.S3Exception: SlowDown: Please reduce your request rate\n"


def test_the_error_that_ended_the_driver_is_told_and_not_a_known_one_that_was_only_a_warning() -> None:
    end = "Traceback (most recent call last):\n  x\nKeyError: 'split'\n"
    assert found(SLOW).cause.sentence.startswith("AWS throttled")
    assert found(SLOW + end).cause.sentence == "The job stopped with KeyError: 'split'"


def test_of_two_errors_of_a_kind_the_shorter_is_told() -> None:
    short = f"{WARNING}java.lang.X: Traceback (most recent call last):\n  x\nKeyError: 'short'\n"
    long = f"{WARNING}java.lang.X: Traceback (most recent call last):\n  x\n  y\nKeyError: 'long'\n"
    for text in (short + long, long + short):
        assert found(text).cause.sentence == "The job stopped with KeyError: 'short'"


def test_of_tracebacks_of_one_length_that_caused_each_other_the_last_is_told() -> None:
    first, last = (f"Traceback (most recent call last):\n  x\nValueError: {word}\n" for word in ("inner", "outer"))
    between = "\nThe above exception was the direct cause of the following exception:\n\n"
    finding = found(first + between + last)
    assert finding.cause.sentence == "The job stopped with ValueError: outer"
    assert finding.python == ("ValueError: inner", "ValueError: outer")


def test_no_more_is_read_than_is_bearable(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = "Traceback (most recent call last):\n" + "  x\n" * 1000 + "ValueError: far away\n"
    assert parse_spark_log(endless).finding is None
    many = WARNING + " x: Traceback (most recent call last):\nValueError: x\n" * 200
    assert len(chain_of(lines_of(many), 0, 401).tracebacks) == 100
    monkeypatch.setattr(step_log, "_MOST_COMPLAINTS", 2)
    assert found(SLOW + WARNING).cause.sentence.startswith("AWS throttled")
    assert parse_spark_log(SLOW + WARNING * 2).finding is None


class TestTheCauseChain:
    def test_python_inside_java_is_told_in_both_languages(self) -> None:
        finding = found(sample("step-stdout-py4j"))
        assert finding.python == ("ZeroDivisionError: division by zero",)
        assert finding.java == (
            "org.apache.spark.SparkException: Job aborted due to stage failure: Task 1 in stage 1.0 failed 4 times",
            "org.apache.spark.api.python.PythonException",
        )

    def test_the_shortest_traceback_that_is_not_pyspark_s_own_wrapper_is_shown(self) -> None:
        finding = found(sample("step-stdout-python-error"))
        assert [text for _, text in finding.lines] == [
            "Traceback (most recent call last):",
            '  File "/mnt/tmp/spark-5d0c/featurize.py", line 12, in work',
            '    raise ValueError("the picture at row 7 has -1 channels")',
            "ValueError: the picture at row 7 has -1 channels",
        ]

    def test_python_errors_that_caused_each_other_are_all_told_and_one_place_is_shown(self) -> None:
        finding = found(sample("step-stdout-archive-changed"))
        assert [error.partition(":")[0] for error in finding.python] == [
            "botocore.errorfactory.NoSuchVersion",
            "orchard.archive.errors.SourceChangedError",
        ]

    def test_java_is_told_from_the_outside_to_the_inside_and_the_line_shown_is_the_one_that_says_it(self) -> None:
        finding = found(sample("step-stderr-worker-crashed"))
        assert finding.java[-2:] == (
            "org.apache.spark.SparkException: Python worker exited unexpectedly (crashed)",
            "java.io.EOFException",
        )
        assert (
            "Python worker exited unexpectedly"
            in sample("step-stderr-worker-crashed").split("\n")[finding.first_line - 1]
        )

    def test_what_cannot_be_told_is_quoted(self) -> None:
        finding = found(
            "26/11/20 10:00:01 ERROR Client: it failed\norg.acme.OddException: odd\n\tat org.acme.Odd.do(Odd.java)\n"
        )
        assert finding.cause.sentence == "Spark stopped with org.acme.OddException: odd"
        assert finding.cause.weight == QUOTE
        assert finding.java == ("org.acme.OddException: odd",)

    def test_a_long_traceback_is_shown_from_both_its_ends(self) -> None:
        frames = "".join(f'  File "a.py", line {number}, in f\n' for number in range(100))
        finding = found(f"Traceback (most recent call last):\n{frames}ValueError: deep\n")
        assert len(finding.lines) == 20
        assert (finding.lines[0][0], finding.lines[-1]) == (1, (102, "ValueError: deep"))


class TestTasks:
    def test_what_a_task_failed_of_that_succeeded_later_is_never_shown(self) -> None:
        succeeded = "\n".join(sample("step-stderr-task-recovered").split("\n")[:50])
        log = parse_spark_log(succeeded)
        assert "a first attempt fails" in succeeded
        assert log.finding is None
        assert log.recovered == {("0", "0.0"), ("1", "0.0")}

    def test_not_in_the_log_of_another_process_either(self) -> None:
        lost = sample("container-stderr-task-recovered").partition("Finished task")[0]
        assert "a first attempt fails" in found(lost).cause.sentence
        assert parse_spark_log(lost, [("0", "0.0"), ("1", "0.0")]).finding is None

    def test_what_was_stopped_on_purpose_is_no_error(self) -> None:
        lost = "26/11/20 10:00:01 WARN TaskSetManager: Lost task 0.3 in stage 0.0 (TID 7) (h executor 1): "
        assert parse_spark_log(f"{lost}java.io.IOException: x\n").finding is not None
        assert parse_spark_log(f"{lost}TaskKilled (Stage cancelled: java.io.IOException: x)\n").finding is None

    def test_complaints_after_the_end_are_no_error(self) -> None:
        late = "26/11/20 10:00:02 ERROR TransportRequestHandler: Error\norg.apache.spark.SparkException: Not found\n"
        stop = "26/11/20 10:00:01 INFO SparkContext: Invoking stop() from shutdown hook\n"
        assert parse_spark_log(stop + late).finding is None
        assert parse_spark_log(late + stop).finding is not None


def test_applications_and_the_containers_that_are_complained_of_are_named() -> None:
    log = parse_spark_log(sample("step-stderr-container-137"))
    assert log.applications == ("application_1795140000000_0002",)
    assert log.containers == ("container_1795140000000_0002_01_000003",)
    assert named_applications(sample("step-stderr-lost-node")) == ("application_1795140000000_0002",)


@pytest.mark.parametrize(
    "text", ["", INFO, "Traceback (most recent call last):\n  cut off", "ORCHARD-ERROR not json\n", "unzip: done\n"]
)
def test_a_text_that_says_nothing_gives_nothing(text: str) -> None:
    assert parse_spark_log(text).finding is None


PARTS = [
    INFO,
    OWN,
    TRACEBACK,
    "ORCHARD-ERROR [1]\n",
    "\x00\u2028\n",
    " x: Traceback (most recent call last):\n",
    "\r\n",
]
PARTS += ["Caused by: java.io.E: x\n", sample("step-stderr-killed-by-yarn"), sample("step-stdout-py4j")]


@given(st.lists(st.sampled_from(PARTS) | st.text()), st.integers(0, 400))
def test_any_text_however_it_is_cut_is_read_and_the_lines_lie_inside_it(parts: list[str], cut: int) -> None:
    text = "".join(parts)[cut:]
    finding = parse_spark_log(text).finding
    if finding is not None:
        assert 1 <= finding.first_line <= finding.last_line <= text.count("\n") + 1
        assert finding.cause.sentence


USAGE = """usage: orchard-pca [-h] --run URI [--components K | --variance V] [--fit-split S]
orchard-pca: error: argument --components: invalid int value: '10.5'
"""
STOPPING = """26/11/20 10:00:02 INFO ShutdownHookManager: Shutdown hook called
26/11/20 10:00:02 INFO ShutdownHookManager: Deleting directory /mnt/tmp/spark-1f
"""


def test_what_argparse_says_is_the_cause() -> None:
    finding = found(USAGE)
    assert finding.cause.sentence == (
        "orchard-pca was called with wrong arguments: argument --components: invalid int value: '10.5'."
    )
    assert finding.cause.weight == ROOT_CAUSE
    assert (finding.first_line, finding.last_line) == (2, 2)


def test_what_spark_submit_says_of_its_arguments_is_the_cause() -> None:
    told = "spark-submit was called with wrong arguments: Unrecognized option: --colour."
    assert found("Error: Unrecognized option: --colour\n\nUsage: spark-submit [options]\n").cause.sentence == told


@pytest.mark.parametrize(
    "noise",
    [
        STOPPING,
        (
            "26/11/20 10:00:02 WARN ShutdownHookManager: ShutdownHook '$anon$2' failed, java.lang.RuntimeException: x\n"
            "java.lang.RuntimeException: x\n"
        ),
        (
            "26/11/20 10:00:02 ERROR ShutdownHookManager: Exception while deleting Spark temp dir: /mnt/tmp/spark-1f\n"
            "java.io.IOException: Failed to delete: /mnt/tmp/spark-1f\n\tat org.apache.spark.Utils.x(Utils.java:1)\n"
        ),
        (
            "26/11/20 10:00:02 INFO SparkContext: SparkContext is stopping with exitCode 1.\n"
            "26/11/20 10:00:02 ERROR TransportClient: java.io.IOException: Connection reset by peer\n"
        ),
        "26/11/20 10:00:02 INFO Utils: java.lang.IllegalStateException: said in passing\n",
    ],
)
def test_what_a_log_holds_whatever_happened_is_no_evidence(noise: str) -> None:
    assert parse_spark_log(INFO + noise).finding is None
    assert found(TRACEBACK + noise).cause.detail == "ModuleNotFoundError: No module named 'onnxruntime'"


def test_an_error_below_what_the_jvm_says_when_it_starts_is_found() -> None:
    text = "Picked up JAVA_TOOL_OPTIONS: -Xmx1g\njava.lang.OutOfMemoryError: Java heap space\n"
    assert found(text).cause.sentence.startswith("Java ran out of memory")
