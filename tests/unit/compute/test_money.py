"""Within the money that a run may cost it gets as many nodes as help, and never a size that costs more."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchard.compute.money import allowed_usd, choose
from orchard.compute.registry import COMPUTES, DEFAULT
from orchard.compute.sizing import LARGEST_VCPUS, LONGEST_MINUTES, MAX_CORE_NODES, TARGET_SECONDS, runs_at_once
from orchard.compute.work import Work
from orchard.errors import OptionsError
from orchard.options import ENGINES, MAX_NODES, RunOptions
from tests.support.paths import ROOT
from tests.support.stack.template import REGION, sam

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchard.compute.money import Offer

FRUIT = 4_500
HUNDRED_VCPUS = {"MAXIMUM_VCPUS": "100", "MAXIMUM_RUNS": "1"}

many = st.integers(1, 10**7)
money = st.floats(0.01, 1000)
works = st.sampled_from(sorted(COMPUTES))


def offered(
    images: int,
    max_usd: float | None,
    compute: str = DEFAULT,
    *,
    mean: int = FRUIT,
    stack: Mapping[str, str] | None = None,
    **options: object,
) -> tuple[Offer, tuple[Offer, ...]]:
    chosen = RunOptions(max_usd=max_usd, **options)  # type: ignore[arg-type]
    return choose(
        COMPUTES[compute],
        Work(images, images * mean),
        chosen,
        region=REGION,
        given=stack or {},
        again="orchard run fruits.zip",
    )


def usd(offer: Offer) -> float:
    return offer.estimate.total_usd


@pytest.mark.parametrize(
    ("images", "max_usd", "nodes"),
    [
        (1_300_000, None, "1 x m5.xlarge + 8 x m5.2xlarge"),
        (1_300_000, 100, "1 x m5.xlarge + 10 x m5.2xlarge"),
        (1_300_000, 2.05, "1 x m5.xlarge + 5 x m5.2xlarge"),
        (10_000_000, 100, "1 x m5.xlarge + 50 x m5.2xlarge"),
        (1_920, 100, "1 x m5.xlarge"),
    ],
)
def test_money_buys_as_many_nodes_as_the_target_time_needs(images: int, max_usd: float | None, nodes: str) -> None:
    assert str(offered(images, max_usd)[0].size) == nodes


def test_the_documentation_has_the_same_numbers() -> None:
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    for max_usd, note in ((None, ", without `--max-usd`"), (12.9, ""), (100, "")):
        chosen, sizes = offered(10**7, max_usd)
        row = f"| {chosen.size}{note} | {chosen.estimate.total_minutes:.0f} | {usd(chosen):.2f} |"
        assert row in text, row
        assert chosen in sizes


@pytest.mark.parametrize(
    ("images", "max_usd", "told"),
    [
        (10**7, None, "because there are at most 8 unless you allow more money: --max-usd, or --core-nodes"),
        (10**7, 100, "because there are at most 50"),
        (1_300_000, 2, "because a larger one would cost more than the $2.00 allowed"),
    ],
)
def test_a_size_that_misses_the_target_time_says_why(images: int, max_usd: float | None, told: str) -> None:
    assert offered(images, max_usd)[0].size.reason.endswith(told)


@given(images=many, mean=st.integers(1, 10**6), max_usd=money, compute=works, engine=st.sampled_from(ENGINES))
def test_a_plan_never_costs_more_than_is_allowed(
    images: int, mean: int, max_usd: float, compute: str, engine: str
) -> None:
    try:
        chosen, sizes = offered(images, max_usd, compute, mean=mean, engine=engine)
    except OptionsError as refused:
        max_usd, before = float(refused.next_command.rpartition(" ")[2]), max_usd
        chosen, sizes = offered(images, max_usd, compute, mean=mean, engine=engine)  # the next command works
        assert max_usd > before
    assert usd(chosen) <= max_usd
    assert chosen.size.worker_vcpus <= MAX_NODES * 8
    assert chosen in sizes
    for slower, faster in pairwise(sizes):
        assert slower.size.worker_vcpus < faster.size.worker_vcpus
        assert slower.estimate.total_minutes > faster.estimate.total_minutes
    larger = [one for one in sizes if one.size.worker_vcpus > chosen.size.worker_vcpus]
    assert all(usd(one) > max_usd for one in larger), "what else is shown as faster is too dear"


@given(images=many, less=money, more=money, compute=works)
def test_more_money_never_makes_a_run_slower(images: int, less: float, more: float, compute: str) -> None:
    less, more = sorted((less, more))
    try:
        slower, _ = offered(images, less, compute)
    except OptionsError:
        assume(False)
    faster, _ = offered(images, more, compute)
    assert faster.estimate.total_minutes <= slower.estimate.total_minutes


@given(few=many, more=many, compute=works)
def test_more_images_never_get_fewer_nodes_nor_cost_less_while_money_is_no_bound(
    few: int, more: int, compute: str
) -> None:
    few, more = sorted((few, more))
    small, large = (offered(images, 100_000, compute)[0] for images in (few, more))
    assert small.size.worker_vcpus <= large.size.worker_vcpus
    assert usd(small) <= usd(large) * 1.0001
    assert small.size.feature_seconds <= TARGET_SECONDS * 1.001 or small.size.worker_vcpus == MAX_NODES * 8


@given(images=many, max_usd=st.none() | money, compute=works)
def test_the_books_of_every_estimate_balance(images: int, max_usd: float | None, compute: str) -> None:
    try:
        _, sizes = offered(images, max_usd, compute)
    except OptionsError:
        return
    for one in sizes:
        told = one.estimate.to_json()
        assert usd(one) == pytest.approx(sum(one.estimate.usd.values()))
        assert told["total_usd"] == pytest.approx(sum(told["usd"].values()), abs=0.001)
        assert one.to_json()["usd"] == told["total_usd"]
        assert one.to_json()["minutes"] == told["total_minutes"]


def test_without_money_allowed_the_plan_is_as_the_rule_says_and_larger_sizes_are_shown() -> None:
    chosen, sizes = offered(1_300_000, None)
    assert chosen.size.worker_vcpus == 8 * MAX_CORE_NODES
    assert [one.size.worker_vcpus for one in sizes] == [8, 16, 24, 40, 64, 80]
    assert usd(sizes[0]) < usd(chosen) < usd(sizes[-1])


def test_money_is_not_spent_on_a_run_that_would_be_given_up() -> None:
    with pytest.raises(OptionsError, match="would cost more") as refused:
        offered(5_000_000, 5)
    wanted = float(refused.value.next_command.rpartition(" ")[2])
    assert offered(5_000_000, wanted)[0].estimate.total_minutes <= LONGEST_MINUTES
    assert sam()["Parameters"]["PatienceSeconds"]["MaxValue"] == LONGEST_MINUTES * 60


def test_nodes_that_are_chosen_are_refused_when_they_cost_more() -> None:
    assert str(offered(10, 50, core_nodes=20)[0].size) == "1 x m5.xlarge + 20 x m5.2xlarge"
    with pytest.raises(OptionsError, match=r"20 x m5.2xlarge, is estimated at"):
        offered(10, 0.5, core_nodes=20)


def test_a_size_that_is_chosen_leaves_the_number_to_the_money() -> None:
    assert str(offered(10**7, 100, node_size="4xlarge")[0].size) == "1 x m5.xlarge + 36 x m5.4xlarge"


@given(
    images=many,
    vcpus=st.integers(16, 1000),
    runs=st.integers(1, 500),
    size=st.sampled_from([None, "xlarge", "2xlarge"]),
)
def test_on_emr_serverless_all_runs_that_may_work_have_room(
    images: int, vcpus: int, runs: int, size: str | None
) -> None:
    stack = {"MAXIMUM_VCPUS": str(vcpus), "MAXIMUM_RUNS": str(runs)}
    for max_usd in (None, 100_000):
        chosen, _ = offered(images, max_usd, "emr-serverless", stack=stack, node_size=size)
        assert runs_at_once(runs, vcpus) * chosen.size.vcpus <= vcpus  # type: ignore[attr-defined]


def test_the_stacks_vcpus_are_the_reason_where_they_are() -> None:
    chosen, _ = offered(10**7, 100_000, "emr-serverless", stack=HUNDRED_VCPUS)
    assert chosen.size.worker_vcpus == (100 - 2) // 8 * 8
    assert chosen.size.reason.endswith("because the stack's MaximumVcpus has no room for more beside its MaximumRuns")
    assert sam()["Parameters"]["MaximumVcpus"]["Default"] > LARGEST_VCPUS, "the default has room for a planned run"


@pytest.mark.parametrize(
    ("wanted", "stack", "allowed"), [(None, "0", None), (7.5, "0", 7.5), (None, "20", 20), (20, "20", 20), (3, "20", 3)]
)
def test_the_stacks_money_is_the_default_and_the_ceiling(
    wanted: float | None, stack: str, allowed: float | None
) -> None:
    assert allowed_usd(wanted, {"MAXIMUM_USD": stack}) == allowed


def test_more_than_the_stack_allows_is_refused() -> None:
    with pytest.raises(OptionsError, match=r"A run may not cost \$50.00: the stack's MaximumUsd is \$20.00") as refused:
        allowed_usd(50, {"MAXIMUM_USD": "20"})
    assert refused.value.next_command == "sam deploy --parameter-overrides MaximumUsd=50"
    with pytest.raises(OptionsError, match="would cost more") as dear:
        offered(10**7, 2, stack={"MAXIMUM_USD": "2"})
    assert dear.value.next_command.startswith("sam deploy --parameter-overrides MaximumUsd=")
