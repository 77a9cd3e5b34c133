"""Logs are read until one tells all: first the step's, then its containers', then EMR's; or those of the nodes."""

from typing import Any

from orchard.compute.base import Access
from orchard.compute.registry import COMPUTES
from orchard.diagnose import searching
from orchard.diagnose.logs import LogEnd
from orchard.diagnose.searching import search_nodes, search_step
from tests.unit.diagnose.sample_logs import FakeReader, sample

STEP = "s3://out/logs/r/j-1/steps/s-2"
CONTAINERS = "s3://out/logs/r/j-1/containers/application_1795140000000_0002"
NODE = "s3://out/logs/r/j-1/node/i-0f1a2b3c4d5e6f708"


LOGS = COMPUTES["emr-ec2"].logs(Access(lambda _: None, {}), "s3://out/logs/r/", "j-1", "s-2")


def step(reader: FakeReader) -> tuple[Any, ...]:
    return search_step(LOGS, reader)  # type: ignore[arg-type]


def nodes(reader: FakeReader, *messages: str) -> tuple[Any, ...]:
    return search_nodes("s3://out/logs/r/", "j-1", messages, reader)  # type: ignore[arg-type]


def test_logs_are_where_emr_writes_them() -> None:
    told = [f"{STEP}/{name}.gz" for name in ("stdout", "stderr", "controller")]
    assert [LOGS.stdout, LOGS.stderr, LOGS.service] == told
    assert LOGS.executors(["application_1795140000000_0002"]) == [CONTAINERS]


def test_what_the_job_itself_says_ends_the_search() -> None:
    reader = FakeReader({f"{STEP}/stdout.gz": sample("step-stdout-own-words"), f"{STEP}/stderr.gz": "x"})
    [evidence] = step(reader)
    assert evidence.uri == f"{STEP}/stdout.gz"
    assert evidence.cause.found_in == f"{STEP}/stdout.gz, line 2"
    assert reader.asked == [f"{STEP}/stdout.gz"]


def test_a_worker_that_died_without_a_word_is_looked_for_in_its_container() -> None:
    reader = FakeReader({
        f"{STEP}/stdout.gz": sample("step-stdout-worker-crashed"),
        f"{STEP}/stderr.gz": sample("step-stderr-worker-crashed"),
        f"{CONTAINERS}/container_1795140000000_0002_01_000001/stderr.gz": "26/11/20 10:20:11 INFO ApplicationMaster: x",
        f"{CONTAINERS}/container_1795140000000_0002_01_000002/stderr.gz": sample("container-stderr-python-memory"),
        f"{CONTAINERS}/container_1795140000000_0002_01_000002/launch_container.sh.gz": "not a log",
    })  # fmt: skip
    found = step(reader)
    assert [one.finding.cause.sentence.split()[:4] for one in found] == [
        ["A", "Python", "worker", "died"], ["A", "Python", "worker", "died"], ["Python", "ran", "out", "of"],
    ]  # fmt: skip
    assert found[-1].uri == f"{CONTAINERS}/container_1795140000000_0002_01_000002/stderr.gz"
    assert not [uri for uri in reader.asked if uri.endswith((".sh.gz", "controller.gz"))]


def test_the_container_that_spark_complains_of_is_read_before_newer_ones() -> None:
    quiet = {f"{CONTAINERS}/container_1795140000000_0002_01_0000{n:02}/stderr.gz": "" for n in range(1, 40)}
    heap = f"{CONTAINERS}/container_1795140000000_0002_01_000003/stdout.gz"
    reader = FakeReader({
        **quiet, heap: sample("container-stdout-java-heap"), f"{STEP}/stderr.gz": sample("step-stderr-container-137"),
    })  # fmt: skip
    assert step(reader)[-1].finding.cause.sentence == "Java ran out of memory."
    assert reader.asked.index(heap) == reader.asked.index(CONTAINERS) + 1


def test_no_more_containers_are_read_than_are_bearable(monkeypatch: Any) -> None:  # noqa: ANN401
    monkeypatch.setattr(searching, "_MOST_EXECUTOR_LOGS", 5)
    quiet = {f"{CONTAINERS}/container_1795140000000_0002_01_0000{n:02}/stderr.gz": "" for n in range(1, 40)}
    reader = FakeReader({**quiet, f"{STEP}/stderr.gz": sample("step-stderr-container-137")})
    step(reader)
    assert len([uri for uri in reader.asked if uri.startswith(f"{CONTAINERS}/")]) == 5


def test_a_task_that_spark_says_succeeded_later_is_no_cause_in_a_container_either() -> None:
    recovered = sample("step-stderr-task-recovered").partition("Starting job: collect")[0]
    lost = sample("container-stderr-task-recovered").partition("Finished task")[0]
    container = f"{CONTAINERS}/container_1795140000000_0002_01_000002/stderr.gz"
    assert "a first attempt fails" in lost
    assert step(FakeReader({f"{STEP}/stderr.gz": recovered, container: lost})) == ()
    assert len(step(FakeReader({f"{STEP}/stderr.gz": recovered.partition("WARN")[0], container: lost}))) == 1


def test_the_application_is_found_at_the_beginning_of_a_long_log_too() -> None:
    long = LogEnd("26/11/20 10:31:40 INFO x: y\n", skipped=10, head=sample("step-stderr-lost-node"))
    reader = FakeReader({f"{STEP}/stderr.gz": long})
    step(reader)
    assert CONTAINERS in reader.asked


def test_lines_are_counted_from_the_start_of_the_whole_log() -> None:
    [evidence] = step(FakeReader({f"{STEP}/stdout.gz": LogEnd(sample("step-stdout-own-words"), skipped=1000)}))
    assert (evidence.finding.first_line, evidence.finding.lines[0][0]) == (1002, 1002)


def test_emrs_own_words_come_last() -> None:
    reader = FakeReader({f"{STEP}/controller.gz": sample("controller-killed")})
    [evidence] = step(reader)
    assert evidence.finding.cause.sentence.startswith("A process was killed")
    assert reader.asked == [f"{STEP}/{name}.gz" for name in ("stdout", "stderr", "controller")]


class TestNodes:
    MESSAGE = "On the master instance (i-0f1a2b3c4d5e6f708), bootstrap action 1 returned a non-zero return code"

    def test_the_log_that_emr_names_is_read_and_no_other(self) -> None:
        reader = FakeReader({f"{NODE}/bootstrap-actions/1/stderr.gz": sample("bootstrap-disk-full")})
        [evidence] = nodes(reader, "", self.MESSAGE, self.MESSAGE)
        assert evidence.finding.cause.sentence == "A disk is full."
        assert reader.asked == [f"{NODE}/bootstrap-actions/1/stderr.gz"]

    def test_where_emr_names_none_they_are_listed(self) -> None:
        reader = FakeReader({
            f"{NODE}/bootstrap-actions/1/stdout.gz": "orchard bootstrap: ready",
            f"{NODE}/bootstrap-actions/1/stderr.gz": "",
            f"{NODE}/provision-node/apps-phase/stderr.gz": "Error: Unable to find a match: spark\n",
        })  # fmt: skip
        [evidence] = nodes(reader, "The cluster could not be provisioned")
        assert evidence.uri == f"{NODE}/provision-node/apps-phase/stderr.gz"

    def test_a_log_that_emr_names_and_that_says_nothing_is_not_read_again(self) -> None:
        reader = FakeReader({f"{NODE}/bootstrap-actions/1/stderr.gz": ""})
        assert nodes(reader, self.MESSAGE) == ()
        assert reader.asked.count(f"{NODE}/bootstrap-actions/1/stderr.gz") == 1

    def test_without_any_log_nothing_is_found(self) -> None:
        assert nodes(FakeReader({}), self.MESSAGE) == ()

    def test_of_very_many_nodes_some_are_read(self) -> None:
        logs = {
            f"s3://out/logs/r/j-1/node/i-0f1a2b3c4d5e6f7{n:02}/bootstrap-actions/1/stderr.gz": "" for n in range(40)
        }
        reader = FakeReader(logs)
        nodes(reader)
        assert len(reader.asked) == 7
