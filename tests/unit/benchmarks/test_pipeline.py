"""How a whole run is taken apart, on what was seen of one of 200 pictures."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from benchmarks.isolated import MeasurementFailedError
from benchmarks.pipeline import how_it_grows, where_it_goes
from benchmarks.turns import Result
from benchmarks.whole_run import IDLE, ORCHESTRATION, PARTS, Seen, Span, span, split

CONTROLLER = """\
2026-11-21T05:09:08.311Z INFO StepRunner: Created Runner for step s-9P8XO112WV7GV
INFO startExec 'spark-submit --py-files s3://b/orchard.zip s3://b/unzip.py'
INFO ProcessRunner started child process
INFO waitProcessCompletion ended with exit code 0 : spark-submit --py-files s3://b/orchard.zip s3://b/unzip.py
INFO total process run time: 25 seconds
2026-11-21T05:09:33.468Z INFO Step succeeded with exitCode 0 and took 25 seconds
"""
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()


def after_noon(seconds: float) -> str:
    return datetime.fromtimestamp(NOON + seconds, UTC).isoformat()


SEEN = Seen(
    said=[
        (3.5, "preparing the network with random weights …"),
        (4.0, "assembling jobs, bootstrap, wheels and the model …"),
        (6.5, "starting the local cloud …"),
        (9.4, "uploaded drawn-200.zip (1 MB) to s3://b/drawn-200.zip"),
        (9.5, "Run drawn-200-0123456789ab"),
        (86.0, "copying the results to out …"),
    ],
    seconds=88.0,
    execution=74.0,
    boot=Span(NOON, NOON + 3),
    steps=[Span(NOON + 3.1, NOON + 25), Span(NOON + 25.1, NOON + 50), Span(NOON + 50.2, NOON + 70)],
    cluster_ended=NOON + 72,
    records=[
        {"completed": after_noon(24.5), "seconds": 13.0},
        {"completed": after_noon(49), "seconds": 14.0},
        {"completed": after_noon(67), "seconds": 12.0},
    ],
)


def test_a_step_ran_from_its_logs_first_line_to_its_last() -> None:
    found = span(CONTROLLER)
    assert found.seconds == pytest.approx(25.157)
    assert found.began == datetime(2026, 11, 21, 5, 9, 8, 311_000, tzinfo=UTC).timestamp()


def test_where_the_time_of_a_run_went() -> None:
    expected = [6.5, 2.9, 2, 3, 8.4, 13, 0.5, 9.9, 14, 1, 4.8, 12, 3, 2.4, 2.6, 2]
    assert split(SEEN) == pytest.approx(dict(zip(PARTS, expected, strict=True)) | {"seconds": 88})


def test_the_parts_are_the_run() -> None:
    parts = split(SEEN)
    assert sum(parts[part] for part in PARTS) == pytest.approx(parts["seconds"])


def test_a_line_that_the_command_does_not_say_any_more_is_an_error() -> None:
    with pytest.raises(MeasurementFailedError, match="'copying the results'"):
        split(replace(SEEN, said=SEEN.said[:-1]))


def test_a_table_says_where_it_goes_and_how_it_grows() -> None:
    few = split(SEEN)
    many = few | {ORCHESTRATION: 6.0, "seconds": 92.0}
    measured = {200: Result("200 images", (few,)), 400: Result("400 images", (many, many))}
    went = where_it_goes(measured)
    assert went.header == ("", "200 images", "400 images")
    assert [row[0] for row in went.rows] == [*PARTS, "all", "least to most", "rounds", "images a second"]
    assert (IDLE, "2.4 (3%)", "2.4 (3%)") in went.rows
    assert [row[1:] for row in went.rows[-4:]] == [
        ("88.0", "92.0"),
        ("88.0 to 88.0", "92.0 to 92.0"),
        ("1", "2"),
        ("2.3", "4.3"),
    ]
    grows = how_it_grows(measured)
    assert grows.header == ("", "200 to 400")
    assert (ORCHESTRATION, "20.00") in grows.rows
    assert (IDLE, "0.00") in grows.rows
    assert grows.rows[-1] == ("all", "20.00")
