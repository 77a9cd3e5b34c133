"""What scanners find in the template, and which of it is accepted, with the reason."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ACCEPTED = Path(__file__).with_name("accepted.toml")


@dataclass(frozen=True, order=True)
class Finding:
    """One rule that one part of the template does not keep.

    Attributes:
        rule: The rule's name, as its scanner writes it.
        subject: The resource's logical id; for a permission its statement and the resource that it names.
    """

    rule: str
    subject: str


def accepted(text: str) -> frozenset[Finding]:
    """Read what is accepted.

    Args:
        text: TOML: tables `accepted`, each with `rules`, `subjects` and the `reason`.

    Returns:
        Every rule of a table with every subject of it.

    Raises:
        ValueError: A table gives no reason, or two accept the same.
    """
    found: set[Finding] = set()
    for table in tomllib.loads(text)["accepted"]:
        if not table.get("reason", "").strip():
            raise ValueError(f"there is no reason for accepting {table['rules']}")
        these = {Finding(rule, subject) for rule in table["rules"] for subject in table["subjects"]}
        if these & found:
            raise ValueError(f"accepted twice: {sorted(these & found)}")
        found |= these
    return frozenset(found)


def judge(found: Iterable[Finding], accepted: Iterable[Finding], of: tuple[str, ...] = ("",)) -> list[str]:
    """Compare what is found with what is accepted.

    Args:
        found: What scanners found.
        accepted: What is accepted.
        of: How the names of these scanners' rules begin; what is accepted of other rules is not asked for.

    Returns:
        In words, what is found and not accepted, and what is accepted and no longer found.
    """
    here, fine = set(found), {one for one in accepted if one.rule.startswith(of)}
    return [
        *(f"{one.rule}: {one.subject}" for one in sorted(here - fine)),
        *(f"{one.rule}: {one.subject} is accepted, but no longer found" for one in sorted(fine - here)),
    ]
