"""The zip: a ranged source, its directory, the checks, the plan of spans, and reading one span.

source = open_source("s3://bucket/fruits.zip")
inventory = inspect(source)                      # or raises an ArchiveRefusedError
for span in plan_spans(inventory):               # one task each
    for item in read_span(reopen(source.reference), span):
        ...                                      # a Picture or a Rejection
"""

from orchard.archive.checks import DEFAULT_LIMITS, Inventory, Limits, inspect
from orchard.archive.directory import Member
from orchard.archive.labels import SPLITS, split_and_label
from orchard.archive.members import Picture, read_span
from orchard.archive.rejection import Rejection
from orchard.archive.sources.base import PinnedSource, RangedSource, SourceReference
from orchard.archive.sources.open import open_source, reopen
from orchard.archive.spans import TARGET_BYTES, Span, plan_spans

__all__ = [
    "DEFAULT_LIMITS",
    "SPLITS",
    "TARGET_BYTES",
    "Inventory",
    "Limits",
    "Member",
    "Picture",
    "PinnedSource",
    "RangedSource",
    "Rejection",
    "SourceReference",
    "Span",
    "inspect",
    "open_source",
    "plan_spans",
    "read_span",
    "reopen",
    "split_and_label",
]
