"""What ran, in words: the facts of `summary.json`, as far as they are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchard.archive.addresses import told
from orchard.archive.ignored import ignored_in_words
from orchard.compute.cost import ACTUAL, Cost
from orchard.compute.used import Used
from orchard.layout import NOT_AS_THEY_ARE, STAGES
from orchard.pipeline.origin import in_words
from orchard.pipeline.state import PlannedCost


@dataclass(frozen=True)
class Fact:
    """One line of the report's facts; `exact` ones are shown letter by letter (ids, addresses, digests)."""

    name: str
    value: str
    exact: bool = False


@dataclass(frozen=True)
class FactGroup:
    """Facts under one heading."""

    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class StageTime:
    """How long a stage took, and its share of all stages in per cent."""

    stage: str
    seconds: float
    percent: float

    @property
    def text(self) -> str:
        """The time in words."""
        return duration(self.seconds)


def value_at(summary: Mapping[str, Any], *path: str) -> Any:  # noqa: ANN401 (whatever the JSON holds there)
    """The value at a path of keys; None when any part of the path is missing."""
    value: Any = summary
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def number_at(summary: Mapping[str, Any], *path: str) -> float | None:
    """The number at a path of keys; None when it is missing or something else."""
    value = value_at(summary, *path)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def fact_groups(summary: Mapping[str, Any]) -> list[FactGroup]:
    """All facts that the summary holds; groups without any are left out."""
    groups = [
        FactGroup("Archive", _present(_archive(summary))),
        FactGroup("Features", _present(_features(summary))),
        FactGroup("Components", _present(_components(summary))),
        FactGroup("Cost", _present(_cost(summary))),
        FactGroup("Versions", _present(_versions(summary))),
    ]
    return [group for group in groups if group.facts]


def stage_times(summary: Mapping[str, Any]) -> list[StageTime]:
    """The stages that have a time, in order."""
    times = {stage: number_at(summary, "stages", stage, "seconds") for stage in STAGES}
    known = {stage: seconds for stage, seconds in times.items() if seconds is not None}
    total = sum(known.values()) or 1
    return [StageTime(stage, seconds, round(100 * seconds / total, 2)) for stage, seconds in known.items()]


def _present(facts: list[Fact | None]) -> tuple[Fact, ...]:
    return tuple(fact for fact in facts if fact is not None)


def _text(summary: Mapping[str, Any], name: str, *path: str, exact: bool = False) -> Fact | None:
    value = value_at(summary, *path)
    return None if value is None or value == "" else Fact(name, str(value), exact)


def _count(summary: Mapping[str, Any], name: str, *path: str) -> Fact | None:
    value = number_at(summary, *path)
    return None if value is None else Fact(name, f"{value:,.0f}")


def _some(summary: Mapping[str, Any], name: str, *path: str) -> Fact | None:
    return _count(summary, name, *path) if number_at(summary, *path) else None


def _ignored(summary: Mapping[str, Any]) -> Fact | None:
    count = number_at(summary, "counts", "ignored")
    reasons = ignored_in_words(count or 0, value_at(summary, "ignored"))
    return None if count is None else Fact("Ignored", f"{count:,.0f}" + (f": {reasons}" if reasons else ""))


def _sources(summary: Mapping[str, Any]) -> list[Fact | None]:
    several = value_at(summary, "archive", "sources")
    if not isinstance(several, list) or not several:
        return [_text(summary, "Address", "archive", "uri", exact=True)]
    return [Fact("Addresses", told([str(one) for one in several]), exact=True)]


def _origin(summary: Mapping[str, Any]) -> list[Fact | None]:
    """But for the components, with which their origin is told."""
    found = value_at(summary, "origin")
    runs = found.items() if isinstance(found, Mapping) else ()
    return [Fact("Uses", words) for words in in_words({what: run for what, run in runs if what != "components"})]


def _archive(summary: Mapping[str, Any]) -> list[Fact | None]:
    size, created = number_at(summary, "archive", "size"), value_at(summary, "created")
    return [
        *_sources(summary),
        None if size is None else Fact("Size", file_size(size)),
        _text(summary, "Run", "run_id", exact=True),
        *_origin(summary),
        *(Fact("Earlier runs", line) for line in Used.from_data(summary).in_words()),
        Fact("Made", moment(str(created))) if created else None,
        _count(summary, "Entries", "counts", "entries"),
        _count(summary, "Directories", "counts", "directories"),
        _ignored(summary),
        _some(summary, "Skipped, by --limit or --only-label", "counts", "skipped"),
        _count(summary, "Rejected while unpacking", "counts", "rejected_in_unzip"),
        _count(summary, "Images", "counts", "images"),
        _count(summary, "Classes", "counts", "classes"),
    ]


def _features(summary: Mapping[str, Any]) -> list[Fact | None]:
    rate = number_at(summary, "stages", "featurize", "images_per_second")
    return [
        _text(summary, "Network", "model", "name"),
        _text(summary, "Weights", "model", "weights"),
        _text(summary, "SHA-256 of the weights", "model", "weights_sha256", exact=True),
        _text(summary, "Model", "model", "id", exact=True),
        _text(summary, "Engine", "engine"),
        None if rate is None else Fact("Speed", f"{rate:,.1f} images a second"),
        _count(summary, "Rejected while decoding", "counts", "rejected_in_featurize"),
        *(_some(summary, name.capitalize(), "counts", count) for count, name in NOT_AS_THEY_ARE.items()),
        _count(summary, "Feature vectors", "counts", "features"),
    ]


def _components(summary: Mapping[str, Any]) -> list[Fact | None]:
    kept, wanted = number_at(summary, "parameters", "kept"), number_at(summary, "parameters", "components")
    share, cumulative = number_at(summary, "parameters", "variance"), number_at(summary, "parameters", "cumulative")
    rule = f"the fewest that explain {percent(share)}" if share is not None else None
    fitted = value_at(summary, "parameters", "fit_split")
    onto = value_at(summary, "origin", "components")
    of = f" of {onto}" if onto else ""
    return [
        _text(summary, "Taken from", "origin", "components", exact=True),
        Fact("Asked for", rule or f"{wanted:,.0f}") if rule or wanted is not None else None,
        None if kept is None else Fact("Kept", f"{kept:,.0f}"),
        _text(summary, "Not more", "parameters", "shortfall"),
        None if cumulative is None else Fact("Explained variance", percent(cumulative)),
        Fact("Fitted on", (f"the {fitted} split" if fitted else "all images") + of)
        if "parameters" in summary
        else None,
    ]


def _cost(summary: Mapping[str, Any]) -> list[Fact | None]:
    planned = PlannedCost.from_data(value_at(summary, "cost"))
    cost = Cost.of(planned, value_at(summary, "cost", "charged") is not False)
    if cost.estimate is None:
        return []
    run = value_at(summary, "run_id") or "RUN"
    later = Fact(ACTUAL, f"orchard status {run}", exact=True)  # the cluster is still there while this is written
    return [*([later] if cost.charged else []), *(Fact(title, text) for title, text in cost.rows())]


def _versions(summary: Mapping[str, Any]) -> list[Fact | None]:
    versions = value_at(summary, "versions")
    names = sorted(versions) if isinstance(versions, Mapping) else []
    return [_text(summary, str(name), "versions", name) for name in names]


def percent(share: float) -> str:
    """A share of 1 in per cent: one decimal, and never 100 % for less than all."""
    if 0.9995 <= share < 1 - 1e-9:
        return ">\u00a099.9\u00a0%"
    return f"{100 * share:.1f}".removesuffix(".0") + "\u00a0%"


def duration(seconds: float) -> str:
    """A time in words."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def moment(text: str) -> str:
    """A point in time that is given in ISO 8601, to the minute; any other text as it is."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    zone = f" {when.tzname()}" if when.tzinfo else ""
    return f"{when.day} {when:%B %Y, %H:%M}{zone}"


def file_size(count: float) -> str:
    """A number of bytes in decimal units."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} bytes" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
