"""What has to hold of the clusters that the state machine asks for: each is the one that was planned, word for word.

What a plan asks for is tested where it is made (tests/unit/cluster/test_request.py).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.asl_graph import CREATE, CREATE_SCALED
from tests.asl_scenarios import GIVEN, ONE_NODE, SEVERAL_NODES
from tests.asl_walk import filled

if TYPE_CHECKING:
    from collections.abc import Iterator

PLANS = {CREATE: ONE_NODE, CREATE_SCALED: SEVERAL_NODES}


def clusters_are_as_planned(machine: dict[str, Any]) -> Iterator[str]:
    """RunJobFlow is called with the request of the plan, nothing beside it and nothing left out."""
    for state, plan in PLANS.items():
        asked = filled(machine["States"][state]["Parameters"], {**GIVEN, "inspected": {"plan": plan}})
        for name in sorted(asked.keys() | plan["cluster"].keys()):
            if asked.get(name) != plan["cluster"].get(name):
                yield f"{state} asks for {name} {json.dumps(asked.get(name))}"
