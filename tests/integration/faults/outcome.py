"""What came of a run: what the tests of this folder look at."""

# ruff: noqa: ANN401 (what is moto's has moto's types, or none)

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from orchard import layout
from orchard.local.moto.notices import Notice


@dataclass(frozen=True)
class Cluster:
    """A cluster that was created.

    Attributes:
        id: Its id.
        run_id: Whose it is, by its tag.
        state: Its state.
        reason: Why it is in that.
        created: When it was created.
        steps: The states of its steps, by their names.
        groups: The security groups that it was asked for with.
    """

    id: str
    run_id: str
    state: str
    reason: str
    created: datetime
    steps: Mapping[str, str]
    groups: frozenset[str]

    @classmethod
    def of(cls, cluster: Any) -> Self:
        """From moto's cluster."""
        return cls(
            id=cluster.id,
            run_id=next((tag["Value"] for tag in cluster.tags if tag["Key"] == layout.RUN_ID_TAG), ""),
            state=cluster.state,
            reason=getattr(cluster, "state_change_reason", {}).get("Code", ""),
            created=cluster.creation_datetime,
            steps={step.name: step.state for step in cluster.steps},
            groups=frozenset(
                (cluster.master_security_group, cluster.slave_security_group, cluster.service_access_security_group)
            ),
        )


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes:
        run_id: Its id.
        status: The execution's status.
        error: Its error.
        cause: Its cause.
        visited: The states that were entered, in order.
        notices: What was published about it.
        clusters: The clusters that were created for it, in order.
        files: The content of the run's files, by their names.
    """

    run_id: str
    status: str
    error: str
    cause: str
    visited: tuple[str, ...]
    notices: tuple[Notice, ...]
    clusters: tuple[Cluster, ...]
    files: Mapping[str, bytes] = field(repr=False)

    @property
    def notice(self) -> Notice:
        """The only notice."""
        [notice] = self.notices
        return notice

    @property
    def said(self) -> str:
        """Its text on one line, as lines are short."""
        return " ".join(self.notice.message.split())

    @property
    def has_results(self) -> bool:
        return "_manifest.json" in self.files

    @property
    def counts(self) -> Mapping[str, int]:
        """The run's books."""
        counts: Mapping[str, int] = json.loads(self.files["summary.json"])["counts"]
        return counts
