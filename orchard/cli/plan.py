"""`orchard plan`: what a run would do, take and cost. Reads lists of what is there, and nothing else."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchard.cli.given import Given
from orchard.cli.output import ends_well, results_console
from orchard.cli.params import (
    SOURCES_HELP,
    ComponentsOf,
    ComputeName,
    Weights,
    check_nothing_is_fitted,
    takes_run_options,
)
from orchard.compute.registry import COMPUTES, DEFAULT
from orchard.errors import EnvironmentNotReadyError, UsageError, shown
from orchard.options import RunOptions
from orchard.pipeline.origin import in_words

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from orchard.archive.collection import Collection
    from orchard.cli.settings import Settings
    from orchard.compute.base import Compute
    from orchard.compute.prices import PriceTable
    from orchard.pipeline.origin import Origin
    from orchard.runs.found import Found
    from orchard.runs.plan import Plan

_SHOWN = 10


@ends_well
@takes_run_options
def plan(
    ctx: typer.Context,
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help=SOURCES_HELP)],
    options: RunOptions,
    weights: Weights = None,
    components_of: ComponentsOf = None,
    local: Annotated[
        bool, typer.Option("--local", help="The run of --components-of is the folder of its results.")
    ] = False,
    compute: ComputeName = DEFAULT,
    prices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Your own prices, as docs/operations.md describes.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> None:
    """Say what a run would find, how long it would take and what it would cost. Nothing is uploaded or created."""
    from orchard.runs.plan import check_directory

    _check_weights(weights)
    if compute not in COMPUTES:
        raise UsageError(f"There is no compute {compute!r}", f"choose {' or '.join(COMPUTES)}")
    given = Given.of(sources)
    check_nothing_is_fitted(ctx, components_of)
    origin = _origin(components_of, ctx.obj, local)
    found = _planned(given, options, ctx.obj, _read(prices), COMPUTES[compute], origin, weights)
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=2))
    else:
        show_plan(found, results_console())
    check_directory(found.found.inventory, options.max_rejected, given.arguments)


def _check_weights(weights: str | None) -> None:
    """Say what is wrong with a file of weights; that the official ones are to be had, a download alone could tell."""
    from orchard.features.weights import IMAGENET, resolve_weights

    if weights not in (None, IMAGENET):
        resolve_weights(weights)


def _read(file: Path | None) -> PriceTable:
    from orchard.compute.prices import EU_WEST_1, read_prices

    if file is None:
        return EU_WEST_1
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The prices cannot be read from {file}", str(error)) from error
    return read_prices(text, file.name)


def _origin(components_of: str | None, settings: Settings, local: bool) -> Origin:
    """The run onto whose components the images would be projected.

    Raises:
        UsageError: None can be.
    """
    from orchard.cli.earlier import known_here, known_in
    from orchard.cli.target import in_aws
    from orchard.pipeline.origin import NO_ORIGIN, Origin

    if components_of is None:
        return NO_ORIGIN
    if local:
        return Origin(components=known_here(Path(components_of)).files.base)
    with in_aws(settings) as place:
        return Origin(components=known_in(place, components_of).files.base)


def _planned(
    given: Given,
    options: RunOptions,
    settings: Settings,
    prices: PriceTable,
    compute: Compute,
    origin: Origin,
    weights: str | None,
) -> Plan:
    """Read the lists of what is there, and plan a run of it.

    Raises:
        ArchiveError: The archive is refused, or cannot be read.
        EnvironmentNotReadyError: There is no such profile, or the region is outside the EU.
    """
    from orchard.aws import sessions
    from orchard.runs.found import Found
    from orchard.runs.plan import Plan

    region, s3 = sessions.chosen_region(settings.region, settings.profile), None
    if given.addresses:
        s3 = sessions.open_session(settings.region, settings.profile).client("s3", config=sessions.client_config())
    found = given.look_into(options.encoding, s3).select(options.limit, options.only_label)
    what = replace(Found.of(found), origin=origin)
    signed_in = settings.profile or {"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL"} & os.environ.keys()
    if weights is None and (given.addresses or signed_in):
        what = _reused(what, options, settings)
    return Plan.of(what, options, compute, region=region, prices=prices)


def _reused(found: Found, options: RunOptions, settings: Settings) -> Found:
    """What earlier runs of the stack have done of it; nothing where no stack can be asked."""
    from orchard.cli.target import in_aws
    from orchard.runs.reuse import EarlierRuns

    try:
        with in_aws(settings) as place:
            return EarlierRuns(place.s3, place.stack.results_bucket).reuse(found, options, place.stack.model)
    except EnvironmentNotReadyError:
        return found


def show_plan(plan: Plan, console: Console) -> None:
    """Write a plan for people to read."""
    from rich.filesize import decimal
    from rich.table import Table

    from orchard.archive.addresses import told
    from orchard.cli.output import show_table
    from orchard.compute.cost import ESTIMATE, dollars

    found, inventory = plan.found, plan.found.inventory
    counts, guess = plan.counts, plan.estimate.to_json()
    table = Table.grid(padding=(0, 2))
    table.add_row("Archive", f"{shown(told(found.uris))} ({decimal(found.archive['size'])})")
    for number, words in enumerate([*in_words(found.origin.runs), *plan.used.in_words()]):
        table.add_row("" if number else "Uses", words)
    kinds = "class" if counts.classes == 1 else "classes"
    table.add_row("Images", f"{counts.images:,} in {counts.classes:,} {kinds} ({decimal(counts.image_bytes)})")
    for split, count in counts.splits.items():
        table.add_row("", f"{count:,} in {split or 'no split'}")
    if counts.skipped:
        table.add_row("Skipped", f"{counts.skipped:,}, which --limit or --only-label leaves out")
    for number, line in enumerate(() if inventory is None else _copies(inventory)):
        table.add_row("" if number else "Copies", line)
    table.add_row("Ignored", f"{counts.ignored:,}")
    if inventory is not None:
        _add_ignored(table, inventory)
    table.add_row("Rejected", f"{counts.rejected:,}")
    if inventory is not None:
        _add_rejected(table, inventory)
    if not found.origin.components:  # which is named above
        table.add_row("Components", _components(plan.options))
    table.add_row(plan.compute.sized_in, str(plan.size))
    table.add_row("", plan.size.reason)
    table.add_row("Minutes", f"about {guess['total_minutes']:.0f}: {_listed(guess['minutes'], '{} {:.1f}')}")
    for one in plan.sizes if len(plan.sizes) > 1 else ():
        mark = ", planned" if one.size == plan.size else ""
        facts = one.to_json()
        table.add_row("", f"{facts['nodes']}: {facts['minutes']:.0f} minutes, {dollars(facts['usd'])}{mark}")
    table.add_row(ESTIMATE, "; ".join(filter(None, (dollars(guess["total_usd"]), plan.estimate.beside))))
    for line, usd in guess["usd"].items():
        table.add_row("", f"${usd:.3f} {line}")
    packed, unpacked = guess["usd"]["S3 requests"], guess["usd_one_object_per_image"]
    if "unzip" in found.origin.stages:
        single = f"with one object per image S3's requests alone would cost ${unpacked:.3f}, not ${packed:.3f}"
        table.add_row("", single)
    table.add_row("", f"at prices of {guess['price_date']} in {guess['region']}, without taxes or free tiers")
    if guess["region"] != guess["run_region"]:
        table.add_row("", f"prices of {guess['run_region']} are not known here and may be higher; --prices takes yours")
    show_table(table, console)


def _copies(inventory: Collection) -> list[str]:
    found = inventory.duplicates()
    if found is None:
        return ["known when the run has read the files"]
    lines = found.in_words()
    return [*lines, "by size and CRC-32, or ETag in S3: the run compares the contents"] if lines else ["none"]


def _add_ignored(table: Table, inventory: Collection) -> None:
    ignored = sorted(inventory.ignored_reasons.items(), key=lambda one: -one[1])
    for reason, count in ignored[:_SHOWN]:
        table.add_row("", f"{count:,} {reason}")
    if len(ignored) > _SHOWN:
        table.add_row("", f"and {sum(count for _, count in ignored[_SHOWN:]):,} more (--json counts them all)")


def _add_rejected(table: Table, inventory: Collection) -> None:
    for member in islice(inventory.rejections(), _SHOWN):
        table.add_row("", f"{shown(member.path)}: {member.reason}")
    if inventory.rejected > _SHOWN:
        table.add_row("", f"and {inventory.rejected - _SHOWN:,} more (--json lists them all)")
    if guessed := inventory.guessed:
        table.add_row("Names", f"{guessed:,} are not UTF-8, and are read as cp437: {shown(inventory.guessed_example)}")
        table.add_row("", "if that is wrong, name their encoding, as with --encoding shift_jis")


def _components(options: RunOptions) -> str:
    kept = options.components
    number = f"{kept:,}" if kept else f"the fewest that explain {options.variance:.1%} of the variance"
    return f"{number}, fitted on {options.fit_split}" if options.fit_split is not None else number


def _listed(lines: dict[str, float], form: str) -> str:
    return ", ".join(form.format(name, value) for name, value in lines.items())
