"""`orchard plan`: what a run would do, take and cost. Reads the zip's list of members, and nothing else."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchard.cli.output import ends_well, results_console
from orchard.cli.params import Compute, Weights, takes_run_options
from orchard.compute.serverless_plan import COMPUTES, SERVERLESS, as_serverless
from orchard.errors import UsageError, shown
from orchard.options import RunOptions

if TYPE_CHECKING:
    from rich.console import Console

    from orchard.cli.settings import Settings
    from orchard.compute.prices import PriceTable

_REJECTIONS_SHOWN = 10


@ends_well
@takes_run_options
def plan(
    ctx: typer.Context,
    archive: Annotated[str, typer.Argument(metavar="ZIP", help="A file, or s3://bucket/key.")],
    options: RunOptions,
    weights: Weights = None,
    compute: Compute = COMPUTES[0],
    prices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Your own prices, as docs/operations.md describes.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> None:
    """Say what a run would find, how long it would take and what it would cost. Nothing is uploaded or created."""
    _check_weights(weights)
    if compute not in COMPUTES:
        raise UsageError(f"There is no compute {compute!r}", f"choose {' or '.join(COMPUTES)}")
    facts = plan_archive(archive, options, ctx.obj, _read(prices), compute)
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
    else:
        show_plan(facts, results_console())
    _check_rejected(facts, options, archive)


def _check_weights(weights: str | None) -> None:
    """Say what is wrong with a file of weights; that the official ones are to be had, a download alone could tell."""
    from orchard.features.weights import IMAGENET, resolve_weights

    if weights not in (None, IMAGENET):
        resolve_weights(weights)


def _read(file: Path | None) -> PriceTable | None:
    if file is None:
        return None
    from orchard.compute.prices import read_prices

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The prices cannot be read from {file}", str(error)) from error
    return read_prices(text, file.name)


def _check_rejected(facts: dict[str, Any], options: RunOptions, archive: str) -> None:
    """Say in the end that a run would be refused for what the plan lists as rejected."""
    from orchard.archive.rejection import UNZIP, Rejection
    from orchard.runs.plan import check_directory

    rejected = [Rejection(member["path"], UNZIP, member["reason"]) for member in facts["rejected"]]
    check_directory(rejected, facts["counts"]["images"], options.max_rejected, archive)


def plan_archive(
    archive: str,
    options: RunOptions,
    settings: Settings,
    prices: PriceTable | None = None,
    compute: str = COMPUTES[0],
) -> dict[str, Any]:
    """Read an archive's list of members, and say what a run of it would be.

    Args:
        archive: A path or an `s3://` address.
        options: How the run would be made.
        settings: Where to work.
        prices: What things cost; the project's own table by default.
        compute: What it would work on, one of `COMPUTES`.

    Returns:
        Counts, rejected members with their reasons, the cluster and the estimate, as plain data.

    Raises:
        ArchiveError: The archive is refused, or cannot be read.
        EnvironmentNotReadyError: There is no such profile, or the region is outside the EU.
    """
    from orchard.archive import inspect, open_source
    from orchard.archive.by_name import check_kind
    from orchard.aws import sessions
    from orchard.compute.emr_plan import plan_cluster
    from orchard.compute.estimate import estimate
    from orchard.compute.prices import EU_WEST_1
    from orchard.layout import ReleaseFiles
    from orchard.runs.plan import ArchiveCounts, canonical_split

    region = sessions.chosen_region(settings.region, settings.profile)
    check_kind(archive)
    if archive.startswith(("s3://", "s3a://", "s3n://")):
        s3 = sessions.open_session(settings.region, settings.profile).client("s3", config=sessions.client_config())
        source = open_source(archive, s3_client=s3)
    else:
        source = open_source(archive)
    inventory = inspect(source)
    counts = ArchiveCounts.of(inventory)
    options = replace(options, fit_split=canonical_split(options.fit_split, counts.splits))
    # The cluster's size depends on the archive alone; where its software would come from is not known, nor told.
    release = ReleaseFiles("", "")
    cluster = plan_cluster(
        counts.images,
        counts.image_bytes,
        options.engine,
        region=region,
        release=release,
        node_root="",
        choice=options.nodes,
    )
    size = as_serverless(cluster, release) if compute == SERVERLESS else cluster
    return {
        "archive": {"uri": source.uri, "size": source.size},
        "counts": asdict(counts),
        "ignored": dict(inventory.ignored_reasons),
        "rejected": [{"path": member.path, "reason": member.reason} for member in inventory.rejected],
        "engine": options.engine,
        "options": {name: value for name, value in asdict(options).items() if value is not None},
        "compute": compute,
        "cluster": {"nodes": str(size), "worker_vcpus": size.worker_vcpus, "reason": size.reason},
        "estimate": estimate(size, counts.images, counts.image_bytes, prices or EU_WEST_1).to_json(),
    }


def show_plan(facts: dict[str, Any], console: Console) -> None:
    """Write what `plan_archive` found for people to read."""
    from rich.filesize import decimal
    from rich.table import Table

    from orchard.cli.output import show_table
    from orchard.compute.cost import ESTIMATE, dollars

    counts, guess = facts["counts"], facts["estimate"]
    table = Table.grid(padding=(0, 2))
    table.add_row("Archive", f"{shown(facts['archive']['uri'])} ({decimal(facts['archive']['size'])})")
    table.add_row("Images", f"{counts['images']:,} in {counts['classes']:,} classes ({decimal(counts['image_bytes'])})")
    for split, count in counts["splits"].items():
        table.add_row("", f"{count:,} in {split or 'no split'}")
    table.add_row("Ignored", f"{counts['ignored']:,}")
    for reason, count in facts["ignored"].items():
        table.add_row("", f"{count:,} {reason}")
    table.add_row("Rejected", f"{counts['rejected']:,}")
    for member in facts["rejected"][:_REJECTIONS_SHOWN]:
        table.add_row("", f"{member['path']}: {member['reason']}")
    if counts["rejected"] > _REJECTIONS_SHOWN:
        table.add_row("", f"and {counts['rejected'] - _REJECTIONS_SHOWN:,} more (--json lists them all)")
    table.add_row("Components", _components(facts["options"]))
    table.add_row("Workers" if facts["compute"] == SERVERLESS else "Cluster", facts["cluster"]["nodes"])
    table.add_row("", facts["cluster"]["reason"])
    table.add_row("Minutes", f"about {guess['total_minutes']:.0f}: {_listed(guess['minutes'], '{} {:.1f}')}")
    table.add_row(ESTIMATE, dollars(guess["total_usd"]))
    for line, usd in guess["usd"].items():
        table.add_row("", f"${usd:.3f} {line}")
    packed, unpacked = guess["usd"]["S3 requests"], guess["usd_one_object_per_image"]
    table.add_row("", f"with one object per image S3's requests alone would cost ${unpacked:.3f}, not ${packed:.3f}")
    table.add_row("", f"at prices of {guess['price_date']} in {guess['region']}, without taxes or free tiers")
    if guess["region"] != guess["run_region"]:
        table.add_row("", f"prices of {guess['run_region']} are not known here and may be higher; --prices takes yours")
    show_table(table, console)


def _components(options: dict[str, Any]) -> str:
    kept = options.get("components")
    number = f"{kept:,}" if kept else f"the fewest that explain {options['variance']:.1%} of the variance"
    return f"{number}, fitted on {options['fit_split']}" if "fit_split" in options else number


def _listed(lines: dict[str, float], form: str) -> str:
    return ", ".join(form.format(name, value) for name, value in lines.items())
