"""What a run has come to, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchard.archive.addresses import told
from orchard.archive.ignored import ignored_in_words
from orchard.cli.display import clock
from orchard.compute.used import Used
from orchard.errors import shown
from orchard.layout import NOT_AS_THEY_ARE
from orchard.pipeline.duplicates import Duplicates
from orchard.pipeline.origin import in_words
from orchard.pipeline.predictions import Predicted

if TYPE_CHECKING:
    from pathlib import Path

    from orchard.runs.progress import Progress

RANDOM_WARNING = (
    "RANDOM WEIGHTS: the network has learnt nothing. "
    "These features show that the pipeline works, and mean nothing about the pictures."
)


def summary_rows(summary: dict[str, Any], progress: Progress, folder: Path) -> list[tuple[str, str]]:
    """The rows of the table that ends a run."""
    counts, model, kept = summary["counts"], summary["model"], summary["parameters"]
    left_out = {stage: counts[f"rejected_in_{stage}"] for stage in ("unzip", "featurize")}
    reasons = ", ".join(f"{count:,} in {stage}" for stage, count in left_out.items() if count)
    skipped = counts.get("skipped", 0)
    changed = [f"{counts[count]:,} {name}" for count, name in NOT_AS_THEY_ARE.items() if counts.get(count)]
    sources = summary.get("archive", {}).get("sources")
    return [
        *((("Sources", shown(told(sources))),) if sources else ()),
        *(("" if number else "Uses", words) for number, words in enumerate(_origin(summary))),
        *(("", line) for line in Used.from_data(summary).in_words()),
        ("Images", f"{counts['images']:,}"),
        ("Classes", f"{counts['classes']:,}"),
        *((("Skipped", f"{skipped:,}, which --limit or --only-label left out"),) if skipped else ()),
        *(("" if number else "Copies", line) for number, line in enumerate(_copies(summary))),
        ("Ignored", _ignored(counts.get("ignored", 0), summary.get("ignored", {}), folder)),
        *_guessed(summary.get("archive", {}).get("guessed_names", 0)),
        ("Rejected", f"{sum(left_out.values()):,}" + (f" ({reasons}; see {folder / 'rejected'})" if reasons else "")),
        ("Features", f"{counts['features']:,} by {model['name']}, {model['weights']} weights, {summary['engine']}"),
        *((("", ", ".join(changed)),) if changed else ()),
        ("Components", f"{kept['kept']:,}, which explain {kept['cumulative']:.1%} of the variance{_of(summary)}"),
        *((("", kept["shortfall"]),) if kept.get("shortfall") else ()),
        *(("" if number else "Predictions", line) for number, line in enumerate(_predictions(summary))),
        ("Time", clock(progress.elapsed)),
        *progress.cost.rows(progress.compute.paid_for),
        ("Report", str(folder / "report.html")),
    ]


def _origin(summary: dict[str, Any]) -> list[str]:
    """But for the components, with which their origin is told."""
    return in_words({what: run for what, run in summary.get("origin", {}).items() if what != "components"})


def _of(summary: dict[str, Any]) -> str:
    run = summary.get("origin", {}).get("components")
    return f" of {run}" if run else ""


def _predictions(summary: dict[str, Any]) -> list[str]:
    return Predicted.from_data(summary.get("predictions")).in_words()


def _copies(summary: dict[str, Any]) -> list[str]:
    return Duplicates.from_data(summary.get("duplicates")).in_words()


def _guessed(count: int) -> list[tuple[str, str]]:
    if not count:
        return []
    return [("Names", f"{count:,} are not UTF-8, and were read as cp437; --encoding names another")]


def _ignored(count: int, reasons: dict[str, int], folder: Path) -> str:
    told = ignored_in_words(count, reasons)
    return f"{count:,}" + (f" ({told}; see {folder / 'ignored'})" if told else "")
