"""What a run costs is told everywhere in the same words: an estimate on AWS, the actual cost there, or nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orchard.cli.summary import summary_rows
from orchard.compute.cost import Cost, cost_of, dollars
from orchard.diagnose.gather import RunFacts
from orchard.jobs.stages import StageRecord
from orchard.jobs.summary import summarise
from orchard.layout import STAGES, RunFiles
from orchard.notices.notice import describe
from orchard.pipeline.state import RunState
from orchard.report.facts import fact_groups
from tests.support.cloud.fake import SUMMARY
from tests.support.histories import START, progress_of

ESTIMATE = {"total_usd": 0.471, "usd_per_hour": 0.93, "price_date": "2026-11", "region": "eu-west-1"}
SECONDS = 1200


def state(**plan: object) -> dict[str, Any]:
    planned = {"run_uri": "s3://b/runs/fruits-1", "estimate": ESTIMATE, **plan}
    return {"run_id": "fruits-1", "inspected": {"plan": planned}, "cluster": {"id": "j-1"}}


def told_by_status(plan: dict[str, Any]) -> Cost:
    """As `status`, `runs`, `watch`, `stop` and the end of `run` read it."""
    facts = {"name": "LookAtEnd", "assignedVariables": {"run": json.dumps(plan)}}
    history = [{"id": 1, "timestamp": START, "stateExitedEventDetails": facts}]
    times = {"CreationDateTime": START, "EndDateTime": START + timedelta(seconds=SECONDS)}
    cluster = {"Status": {"State": "TERMINATED", "Timeline": times}}
    execution = {"status": "SUCCEEDED", "startDate": START, "stopDate": START}
    return progress_of(execution, history, cluster, [], START).cost


def report_of(plan: dict[str, Any]) -> dict[str, str]:
    """What the report says of the cost, by the summary that the job writes."""
    facts = {"archive": {}, "ignored": {}, "classes": 1, "engine": "e", "model": {}, "parameters": {}}
    records = [StageRecord(stage, {}, "", 2.0, {"images": 1}, {}, facts) for stage in STAGES]
    summary = summarise(RunFiles("s3://b/runs/fruits-1"), records, plan["inspected"]["plan"])
    return {fact.name: fact.value for group in fact_groups(summary) for fact in group.facts}


@pytest.mark.parametrize(
    ("plan", "rows"),
    [
        (
            state(charged=True),
            {
                "Actual on AWS": "$0.31 for the cluster, at prices of 2026-11 in eu-west-1",
                "Estimate on AWS": "$0.47 for the whole run, at prices of 2026-11 in eu-west-1",
            },
        ),
        (
            state(charged=False),
            {
                "Cost": "nothing, on this machine",
                "Estimate on AWS": "$0.47 for the whole run, at prices of 2026-11 in eu-west-1",
            },
        ),
        (state(estimate=7), {}),
    ],
    ids=["on AWS", "in a local cloud", "without an estimate"],
)
def test_notice_status_report_and_the_end_of_a_run_agree(plan: dict[str, Any], rows: dict[str, str]) -> None:
    cost = told_by_status(plan)
    assert dict(cost.rows("cluster")) == rows
    state = RunState.parse(plan)
    message = describe(state, RunFacts(cost=cost_of(state, SECONDS))).message
    sections = dict(section.split("\n", 1) for section in message.strip().split("\n\n")[1:])
    names = ("Cost", "Actual on AWS", "Estimate on AWS")
    assert {name: " ".join(text.split("\n")) for name, text in sections.items() if name in names} == rows
    reported = report_of(plan)
    if "Actual on AWS" in rows:  # the cluster is still there when the report is written
        assert reported["Actual on AWS"] == "orchard status fruits-1"
    assert {name: reported.get(name) for name in rows if name != "Actual on AWS"} == {
        name: text for name, text in rows.items() if name != "Actual on AWS"
    }


def test_the_actual_cost_is_time_by_rate_and_none_before_anything_ran() -> None:
    planned = RunState.parse(state())
    assert cost_of(planned, 3600) == Cost(0.471, pytest.approx(0.93), "2026-11", "eu-west-1")
    assert cost_of(planned, None).actual is None
    assert cost_of(RunState(), 3600) == Cost()


@pytest.mark.parametrize(
    ("cost", "so_far", "phrase", "short"),
    [
        (Cost(0.47, 0.314, "2026-11"), "", "actual on AWS $0.31", "$0.31"),
        (Cost(0.47, 0.001, "2026-11"), " so far", "actual on AWS under $0.01 so far", "under $0.01"),
        (Cost(0.47, None, "2026-11"), "", "", ""),
        (Cost(0.47, None, "2026-11", charged=False), "", "free on this machine, estimate on AWS $0.47", "nothing"),
        (Cost(charged=False), "", "free on this machine", "nothing"),
    ],
)
def test_within_a_sentence_and_in_a_column(cost: Cost, so_far: str, phrase: str, short: str) -> None:
    assert (cost.phrase(so_far), cost.short) == (phrase, short)


@pytest.mark.parametrize(("usd", "text"), [(0.0049, "under $0.01"), (0.005, "$0.01"), (1234.5, "$1,234.50")])
def test_dollars(usd: float, text: str) -> None:
    assert dollars(usd) == text


def test_the_estimate_that_a_run_ends_with_is_that_of_its_plan() -> None:
    cost = told_by_status(state(charged=False))
    done = progress_of({"status": "SUCCEEDED", "startDate": START, "stopDate": START}, [], now=START)
    rows = dict(summary_rows(SUMMARY, replace(done, cost=cost), Path("out")))
    assert (rows["Cost"], rows["Estimate on AWS"][:5]) == ("nothing, on this machine", "$0.47")
