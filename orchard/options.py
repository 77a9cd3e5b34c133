"""What a user may choose for a run, and how the choice travels with the upload.

The options are user metadata of the uploaded zip, so that they belong to one object version, arrive with every
redelivered event alike, and a plain `aws s3 cp` without any runs with the defaults.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import Any

from orchard.cluster.sizing import NodeChoice
from orchard.errors import OptionsError

ENGINES = ("onnxruntime", "tensorflow")
DEFAULT_VARIANCE = 0.9
DEFAULT_MAX_REJECTED = 0.05
MAX_COMPONENTS = 1280


@dataclass(frozen=True)
class RunOptions:
    """How a run is to be made.

    Attributes:
        components: Keep this many components; None to keep by variance.
        variance: Keep the fewest components that explain at least this share, in (0, 1]; None to keep by number.
            With neither, `DEFAULT_VARIANCE`.
        engine: What computes the features.
        fit_split: Fit the components on this split only (`Training`, say); None for all images.
        model: The id of a published model; None for the release's own.
        max_rejected: The run fails when more than this share of the images is rejected, in [0, 1]; 1 for never.
        node_size: The size of the nodes that work; None to leave it to the plan, as with the next two.
        core_nodes: Number of core nodes; 0 for the primary node alone.
        spot_nodes: Number of task nodes beside them, as Spot instances.

    Raises:
        OptionsError: The values are out of range or contradict each other.
    """

    components: int | None = None
    variance: float | None = None
    engine: str = ENGINES[0]
    fit_split: str | None = None
    model: str | None = None
    max_rejected: float = DEFAULT_MAX_REJECTED
    node_size: str | None = None
    core_nodes: int | None = None
    spot_nodes: int | None = None

    def __post_init__(self) -> None:
        if self.components is not None and self.variance is not None:
            raise OptionsError("Choose components or variance, not both", "each decides how many components are kept")
        if self.components is None and self.variance is None:
            object.__setattr__(self, "variance", DEFAULT_VARIANCE)
        if self.components is not None and not 1 <= self.components <= MAX_COMPONENTS:
            raise OptionsError(f"{self.components} components cannot be kept", f"choose 1 to {MAX_COMPONENTS}")
        if self.variance is not None and not 0 < self.variance <= 1:
            raise OptionsError(f"A variance of {self.variance} cannot be reached", "choose more than 0 and at most 1")
        if self.engine not in ENGINES:
            raise OptionsError(f"There is no engine {self.engine!r}", f"choose {' or '.join(ENGINES)}")
        if not 0 <= self.max_rejected <= 1:
            told = f"A share of {self.max_rejected:g} cannot be rejected"
            raise OptionsError(told, "choose 0 to 1, or 0% to 100%")
        self.nodes  # noqa: B018 (it checks what is chosen)

    @property
    def nodes(self) -> NodeChoice:
        """What the user decides about the nodes."""
        return NodeChoice(self.node_size, self.core_nodes, self.spot_nodes or 0)

    def to_metadata(self) -> str:
        """The options as one line of ASCII JSON, for the upload's user metadata."""
        return json.dumps({k: v for k, v in asdict(self).items() if v is not None}, sort_keys=True)

    @classmethod
    def from_metadata(cls, text: str | None) -> RunOptions:
        """Read what `to_metadata` wrote; None or an empty text gives the defaults.

        Raises:
            OptionsError: The text is not such a line, or names an option that does not exist.
        """
        if not text:
            return cls()
        try:
            given: dict[str, Any] = json.loads(text)
            unknown = set(given) - {field.name for field in fields(cls)}
        except (ValueError, TypeError) as error:
            raise OptionsError("The upload's options cannot be read", f"not a JSON object: {text!r}") from error
        if unknown:
            raise OptionsError("The upload's options cannot be read", f"unknown: {', '.join(sorted(unknown))}")
        try:
            return cls(**given)
        except TypeError as error:
            raise OptionsError(
                "The upload's options cannot be read", f"a value of the wrong type in {text!r}"
            ) from error


def parse_share(text: str) -> float:
    """Read a share as people write it: `5%` and `0.05` are the same.

    Args:
        text: Digits, with a decimal point or without, and perhaps a percent sign.

    Returns:
        The share; `RunOptions` checks that it is one.

    Raises:
        OptionsError: The text is no such number.
    """
    found = re.fullmatch(r"\s*((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e-?[0-9]{1,3})?)\s*(%?)\s*", text)
    if found is None:
        raise OptionsError(f"{text!r} is no share", "write 5% or 0.05, say")
    return float(Decimal(found[1]) / (100 if found[2] else 1))
