"""What is typed behind a command's name: which run is meant, the options of a run, and what several commands take."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchard.cli.settings import Settings
from orchard.compute.registry import COMPUTES
from orchard.errors import OptionsError
from orchard.options import (
    DEFAULT_MAX_REJECTED,
    DEFAULT_VARIANCE,
    ENGINES,
    FITTING,
    NODE_SIZES,
    REFIT_OPTIONS,
    REJECT,
    TRUNCATED,
    RunOptions,
    parse_duration,
    parse_share,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SOURCES_HELP = "A zip or a folder, s3://bucket/key.zip, or a prefix s3://bucket/key/; several are one run."

_COMPLETED = 50  # names that a shell is given


def complete_run(ctx: typer.Context, incomplete: str) -> list[str]:
    """The latest runs, for a shell that completes a name; none where that cannot be said."""
    try:
        from itertools import islice

        from orchard.cli.target import in_aws
        from orchard.runs.listing import list_runs

        # Nothing that the commands before this one do has been done: Click completes from the bare arguments.
        given = ctx.parent.params if ctx.parent is not None else {}
        settings = Settings(given.get("region"), given.get("profile"), given.get("stack") or Settings.stack)
        with in_aws(settings) as place:
            runs = islice(list_runs(place.step_functions, place.stack.state_machine_arn), _COMPLETED)
            return [run.id for run in runs if run.id.startswith(incomplete)]
    except Exception:  # a shell has no use for a message in the middle of a line
        return []


_RUN_HELP = "A run's id, or a unique beginning of it"


def _named(run: str) -> str:
    """What a script passes when its variable is empty must not mean the latest run where a run has to be named."""
    if run:
        return run
    raise typer.BadParameter("It is empty, and names no run.")


OneRun = Annotated[
    str, typer.Argument(metavar="RUN", help=f"{_RUN_HELP}.", autocompletion=complete_run, callback=_named)
]
RunOrFolder = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help=f"{_RUN_HELP}; with --local the folder of its results.",
        autocompletion=complete_run,
        callback=_named,
    ),
]
LatestRun = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help=f"{_RUN_HELP}. Default: the latest run.", autocompletion=complete_run, show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]

_CHOICES: dict[str, tuple[Any, Any]] = {
    "components": (Annotated[int | None, typer.Option(metavar="K", help="Keep K components.")], None),
    "variance": (
        Annotated[
            float | None,
            typer.Option(
                metavar="V", help=f"Keep the fewest components that explain this share; {DEFAULT_VARIANCE} by default."
            ),
        ],
        None,
    ),
    "engine": (Annotated[str, typer.Option(help=f"What computes the features: {' or '.join(ENGINES)}.")], ENGINES[0]),
    "fit_split": (
        Annotated[
            str | None, typer.Option(metavar="SPLIT", help="Fit the components on this split only, such as Training.")
        ],
        None,
    ),
    "encoding": (
        Annotated[
            str | None,
            typer.Option(
                metavar="NAME", help="The encoding of names in the zip that are not UTF-8, such as shift_jis."
            ),
        ],
        None,
    ),
    "limit": (
        Annotated[
            int | None,
            typer.Option(metavar="N", help="Take N of the images, spread over classes and splits; always the same."),
        ],
        None,
    ),
    "only_label": (
        Annotated[
            list[str] | None,
            typer.Option(metavar="NAME", help="Take the images of this label only; may be given several times."),
        ],
        None,
    ),
    "max_rejected": (
        Annotated[
            str,
            typer.Option(
                metavar="SHARE", help="Fail if more than this share of the images is rejected; 100% never fails."
            ),
        ],
        f"{DEFAULT_MAX_REJECTED:.0%}",
    ),
    "truncated": (
        Annotated[
            str,
            typer.Option(
                metavar="|".join(TRUNCATED),
                help="What to do with pictures that are cut short; kept, the missing part is grey.",
            ),
        ],
        REJECT,
    ),
    "node_size": (
        Annotated[str | None, typer.Option(metavar="|".join(NODE_SIZES), help="The size of the worker nodes.")],
        None,
    ),
    "core_nodes": (
        Annotated[int | None, typer.Option(metavar="N", help="Core nodes, On-Demand; 0 for the primary node alone.")],
        None,
    ),
    "spot_nodes": (
        Annotated[int | None, typer.Option(metavar="N", help="Task nodes beside the core nodes, as Spot instances.")],
        None,
    ),
    "max_usd": (
        Annotated[
            float | None,
            typer.Option(
                metavar="USD", help="Take as many nodes as help, while the estimate stays within so many US dollars."
            ),
        ],
        None,
    ),
    "fresh": (
        Annotated[bool, typer.Option("--fresh", help="Compute everything, also what an earlier run has computed.")],
        False,
    ),
    "keep": (
        Annotated[
            str | None,
            typer.Option(
                metavar="TIME", help="Keep the cluster so long after its last step, such as 30m, for `orchard submit`."
            ),
        ],
        None,
    ),
}
"""Name → how it is typed, and its default: `RunOptions`, but for the model, which has to be published first."""

Weights = Annotated[
    str | None,
    typer.Option(
        metavar="imagenet|random|PATH",
        help="The network's weights. Default: those of the release; with --local imagenet.",
    ),
]
ComponentsOf = Annotated[
    str | None,
    typer.Option(
        metavar="RUN",
        help="Project the images onto the components of this earlier run, whose images vote on their labels;"
        " with --local the folder of its results.",
        autocompletion=complete_run,
    ),
]
ComputeName = Annotated[
    str, typer.Option("--compute", metavar="|".join(COMPUTES), help="What runs work on: the stack's parameter Compute.")
]


def takes_run_options(command: Callable[..., None], names: Sequence[str] = tuple(_CHOICES)) -> Callable[..., None]:
    """Give a command the options of a run.

    Args:
        command: A command with a parameter `options`.
        names: Which of them; the others are as by default.

    Returns:
        The same with a parameter for each option in its place; it raises `OptionsError` for what cannot be.
    """
    own = inspect.signature(command, eval_str=True).parameters.values()
    added = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typed, default=default)
        for name, (typed, default) in _CHOICES.items()
        if name in names
    ]
    parameters = [one for parameter in own for one in (added if parameter.name == "options" else [parameter])]

    @functools.wraps(command)
    def run(*args: Any, **given: Any) -> None:  # noqa: ANN401 (whatever Typer parses)
        chosen = {name: given.pop(name) for name in names}
        if "max_rejected" in chosen:
            chosen["max_rejected"] = parse_share(chosen["max_rejected"])
        if chosen.get("keep") is not None:
            chosen["keep"] = parse_duration(chosen["keep"])
        options = RunOptions(**{**chosen, "only_label": chosen.get("only_label") or None})
        command(*args, options=options, **given)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # which Typer reads
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def check_nothing_is_fitted(ctx: typer.Context, components_of: str | None) -> None:
    """Refuse options that say which components are fitted where those of another run are used.

    Args:
        ctx: A command's that takes both.
        components_of: The other run.

    Raises:
        OptionsError: One was typed; or the run has no name.
    """
    if components_of is None:
        return
    if not components_of:
        raise OptionsError("--components-of names no run", "what was typed behind it is empty", "orchard runs")
    for name in FITTING:
        if ctx.params[name] is not None:
            cause = f"which components there are, the run {components_of} has decided"
            raise OptionsError(f"--{name.replace('_', '-')} and --components-of exclude each other", cause)


takes_refit_options = functools.partial(takes_run_options, names=REFIT_OPTIONS)
"""The same for the options that mean something where the features exist."""
