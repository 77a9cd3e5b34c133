"""What a user may choose for a run, and how the choice travels with the upload.

The options are user metadata of the uploaded zip, so that they belong to one object version, arrive with every
redelivered event alike, and a plain `aws s3 cp` without any runs with the defaults.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orchard.errors import OptionsError

if TYPE_CHECKING:
    from collections.abc import Callable

ENGINES = ("onnxruntime", "tensorflow")
TRUNCATED = ("reject", "keep")
"""What becomes of a picture that is cut short; kept, it has grey for the rest."""

REJECT, KEEP = TRUNCATED
DEFAULT_VARIANCE = 0.9
DEFAULT_MAX_REJECTED = 0.05
MAX_COMPONENTS = 1280
NODE_SIZES = ("xlarge", "2xlarge", "4xlarge")
"""Of EC2's instances, the same in all families: 4, 8 and 16 vCPUs."""

MAX_NODES = 50
"""Of a role, chosen."""

LONGEST_KEEP = 7200
"""For how many seconds a cluster may be kept: half of what a run waits for its work (`PatienceSeconds`)."""


FITTING = ("components", "variance", "fit_split")
"""The options that mean nothing where the components exist."""

REFIT_OPTIONS = (*FITTING, "node_size", "core_nodes", "spot_nodes", "max_usd", "keep")
"""The options that mean something where the features exist."""


@dataclass(frozen=True)
class NodeChoice:
    """What the user decides about the nodes; what is None, the rule decides.

    Attributes:
        size: One of `NODE_SIZES`: of the nodes that work.
        core_nodes: Number of core nodes; 0 for the primary node alone.
        spot_nodes: Number of task nodes beside them, as Spot instances.

    Raises:
        OptionsError: There is no such size, or the numbers are out of range.
    """

    size: str | None = None
    core_nodes: int | None = None
    spot_nodes: int = 0

    def __post_init__(self) -> None:
        if self.size is not None and self.size not in NODE_SIZES:
            raise OptionsError(f"There is no node size {self.size!r}", f"choose {', '.join(NODE_SIZES)}")
        for count, name in ((self.core_nodes, "core"), (self.spot_nodes, "spot")):
            if count is not None and not 0 <= count <= MAX_NODES:
                raise OptionsError(f"A cluster cannot have {count} {name} nodes", f"choose 0 to {MAX_NODES}")
        if self.spot_nodes and self.core_nodes == 0:
            raise OptionsError(
                "Spot nodes need a core node beside them", "EMR has task nodes only where there are core nodes"
            )


AS_PLANNED = NodeChoice()
"""The user decides nothing."""


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
        encoding: What names in the zip are that are not UTF-8, `shift_jis` say; None for cp437.
        limit: Take so many of the images, spread over classes and splits; None for all.
        only_label: Take the images of these labels only; None for all.
        max_rejected: The run fails when more than this share of the images is rejected, in [0, 1]; 1 for never.
        truncated: What becomes of pictures that are cut short.
        node_size: The size of the nodes that work; None to leave it to the plan, as with the next two.
        core_nodes: Number of core nodes; 0 for the primary node alone.
        spot_nodes: Number of task nodes beside them, as Spot instances.
        max_usd: What the run may cost by its estimate, US dollars: within it, it gets as many nodes as help; None to
            leave it to the stack.
        fresh: Compute everything, also what an earlier run has computed of the same images.
        keep: For so many seconds after its last step the cluster is left to be used; None to end it at once.

    Raises:
        OptionsError: The values are out of range or contradict each other.
    """

    components: int | None = None
    variance: float | None = None
    engine: str = ENGINES[0]
    fit_split: str | None = None
    model: str | None = None
    encoding: str | None = None
    limit: int | None = None
    only_label: tuple[str, ...] | None = None
    max_rejected: float = DEFAULT_MAX_REJECTED
    truncated: str = REJECT
    node_size: str | None = None
    core_nodes: int | None = None
    spot_nodes: int | None = None
    max_usd: float | None = None
    fresh: bool = False
    keep: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            _check(field.name, getattr(self, field.name))
        if self.only_label is not None:
            object.__setattr__(self, "only_label", tuple(dict.fromkeys(self.only_label)))  # of JSON it is a list
        if self.components is not None and self.variance is not None:
            raise OptionsError("Choose components or variance, not both", "each decides how many components are kept")
        if self.components is None and self.variance is None:
            object.__setattr__(self, "variance", DEFAULT_VARIANCE)
        self.nodes  # noqa: B018 (it checks what the three say together)

    @property
    def nodes(self) -> NodeChoice:
        """What the user decides about the nodes."""
        return NodeChoice(self.node_size, self.core_nodes, self.spot_nodes or 0)

    def to_metadata(self) -> str:
        """The options as one line of ASCII JSON, for the upload's user metadata."""
        return json.dumps({k: v for k, v in asdict(self).items() if v is not None}, sort_keys=True)

    @classmethod
    def from_metadata(cls, text: str | None) -> RunOptions:
        """Read what `to_metadata` wrote, or what somebody typed in its place; None or an empty text gives the defaults.

        Raises:
            OptionsError: The text is no JSON object of options, or one of them cannot be what it is.
        """
        if not text:
            return cls()
        if len(text) > _MAX_TEXT:
            raise OptionsError(
                _UNREADABLE, f"they are {len(text):,} characters long; at most {_MAX_TEXT:,} are allowed", _HELP
            )
        try:
            given = json.loads(text, object_pairs_hook=_object)
        except (ValueError, RecursionError) as error:
            raise OptionsError(_UNREADABLE, f"not a JSON object: {_shown(text)}", _HELP) from error
        return cls.from_json(given)

    @classmethod
    def from_json(cls, given: object) -> RunOptions:
        """Read options that came as JSON, in metadata or as a part of something larger.

        Args:
            given: Any value that JSON may hold; what an object leaves out, or has as null, is as by default.

        Raises:
            OptionsError: It is no object of options, or one of them cannot be what it is.
        """
        if not isinstance(given, dict):
            raise OptionsError(_UNREADABLE, f"not a JSON object: {_shown(given)}", _HELP)
        names = [field.name for field in fields(cls)]
        unknown = [_shown(name) for name in given if name not in names]
        if unknown:
            cause = f"there is no option {', '.join(unknown[:_NAMED])}; there are {', '.join(names)}"
            raise OptionsError(_UNREADABLE, cause, _HELP)
        return cls(**{name: value for name, value in given.items() if value is not None})


_UNREADABLE = "The upload's options cannot be read"
_HELP = "orchard run --help"
_MAX_TEXT = 8192  # four times what S3 takes as an object's user metadata
_MAX_SHOWN = 80
_MAX_USD = 100_000
_MAX_NAME = 255  # of a folder, in most file systems
_MAX_LABELS = 4_000  # an execution's data have them twice, and may have 256 KiB
_NAMED = 5
_ESCAPES = rb"+AC4- ~{ \x2e \u002e"  # a dot, another character set, a dot twice, to codecs of which nobody names a file
_ASCII = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/. "
_NO_LABEL = re.compile(r"[\x00-\x1f\x7f-\x9f/\ud800-\udfff]")
_MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_NAME and value.isprintable() and not value.isspace()


def _is_labels(value: object) -> bool:
    """Whether these may be labels: what an image's folder may be called, and nothing for images in no folder."""
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(one, str) and len(one) <= _MAX_NAME and not _NO_LABEL.search(one) for one in value)
        and sum(map(len, value)) <= _MAX_LABELS
    )


def _is_encoding(value: object) -> bool:
    """Whether letters, digits and what parts folders stand for themselves, and nothing else stands for them.

    Names are looked through after decoding, and bytes that are no text are shown.
    """
    try:
        if not isinstance(value, str) or _ASCII.decode(value) != _ASCII.decode():
            return False
        return len(_ESCAPES.decode(value)) == len(_ESCAPES) and bool(b"\xff".decode(value, "backslashreplace"))
    except (LookupError, ValueError):
        return False


# Numbers are compared and never converted: an int may be too large for a float, and NaN lies in no range. The ranges of
# the three of nodes are `NodeChoice`'s.
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "components": (lambda v: _is_whole(v) and 1 <= v <= MAX_COMPONENTS, f"a whole number from 1 to {MAX_COMPONENTS}"),
    "variance": (lambda v: _is_number(v) and 0 < v <= 1, "a number above 0 and at most 1, such as 0.9"),
    "engine": (lambda v: isinstance(v, str) and v in ENGINES, " or ".join(ENGINES)),
    "fit_split": (_is_name, "the name of a split, such as Training"),
    "model": (lambda v: isinstance(v, str) and bool(_MODEL_ID.fullmatch(v)), "the id of a published model"),
    "encoding": (_is_encoding, "an encoding that Python knows and that contains ASCII, such as shift_jis or gbk"),
    "limit": (lambda v: _is_whole(v) and v >= 1, "a whole number from 1, such as 1000"),
    "only_label": (
        _is_labels,
        f"labels, which are names of folders, such as Banana, of {_MAX_LABELS:,} characters in all at most",
    ),
    "max_rejected": (lambda v: _is_number(v) and 0 <= v <= 1, "a share from 0 to 1, such as 0.05, which is 5%"),
    "truncated": (lambda v: isinstance(v, str) and v in TRUNCATED, " or ".join(TRUNCATED)),
    "node_size": (lambda v: isinstance(v, str), ", ".join(NODE_SIZES)),
    "core_nodes": (_is_whole, f"a whole number from 0 to {MAX_NODES}"),
    "spot_nodes": (_is_whole, f"a whole number from 0 to {MAX_NODES}"),
    "max_usd": (lambda v: _is_number(v) and 0 < v <= _MAX_USD, f"US dollars, above 0 and at most {_MAX_USD:,}"),
    "fresh": (lambda v: isinstance(v, bool), "true or false"),
    "keep": (
        lambda v: _is_whole(v) and 1 <= v <= LONGEST_KEEP,
        f"a whole number of seconds from 1 to {LONGEST_KEEP}, typed like 30m, 90s or 1h",
    ),
}
"""Option → whether a value may be it, and what it takes in words."""


def _check(name: str, value: object) -> None:
    fits, takes = _RULES[name]
    by_default = value is None and _DEFAULTS[name] is None
    if not by_default and not fits(value):
        raise OptionsError(f"The option {name} cannot be {_shown(value)}", f"it takes {takes}", _HELP)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, in which no name may stand twice: one of the two would be dropped in silence."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
        raise OptionsError(_UNREADABLE, f"{_shown(twice[0])} is given twice", _HELP)
    return found


def _shown(value: object) -> str:
    """A value as JSON, in ASCII on one line, the middle of a long one left out."""
    try:
        text = json.dumps(value, default=repr)
    except (ValueError, RecursionError):  # a number of thousands of digits, lists in lists in lists
        return f"a {type(value).__name__} too large to show"
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 20]} ... {text[-10:]}"


_DEFAULTS = {field.name: field.default for field in fields(RunOptions)}


def parse_share(text: str) -> float:
    """Read a share as people write it: `5%` and `0.05` are the same.

    Args:
        text: Digits, with a decimal point or without, and perhaps a percent sign.

    Raises:
        OptionsError: The text is no such number, or more than all.
    """
    found = re.fullmatch(r"\s*((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e-?[0-9]{1,3})?)\s*(%?)\s*", text)
    if found is None:
        raise OptionsError(f"{text!r} is not a share", "write it like 5% or 0.05")
    share = Decimal(found[1]) / (100 if found[2] else 1)
    if share > 1:
        percent = "" if found[2] or share > 100 else f"; {share.normalize():f} in a hundred are {share.normalize():f}%"
        raise OptionsError(f"{text!r} is more than all", f"a share is at most 100%{percent}")
    return float(share)


def parse_duration(text: str) -> int:
    """Read a duration as people write it: `30m`, `90s` and `1h`.

    Args:
        text: Digits, and a unit.

    Returns:
        Seconds.

    Raises:
        OptionsError: The text is no such duration.
    """
    found = re.fullmatch(r"\s*([0-9]{1,9})\s*([smh])\s*", text)
    if found is None:
        raise OptionsError(f"{text!r} is not a duration", "write it like 30m, 90s or 1h")
    return int(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]]
