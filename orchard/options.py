"""What a user may choose for a run, and how the choice travels with the upload.

The options are user metadata of the uploaded zip, so that they belong to one object version, arrive with every
redelivered event alike, and a plain `aws s3 cp` without any runs with the defaults.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from orchard.errors import OptionsError

ENGINES = ("onnxruntime", "tensorflow")
DEFAULT_VARIANCE = 0.9
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

    Raises:
        OptionsError: The values are out of range or contradict each other.
    """

    components: int | None = None
    variance: float | None = None
    engine: str = ENGINES[0]
    fit_split: str | None = None
    model: str | None = None

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
