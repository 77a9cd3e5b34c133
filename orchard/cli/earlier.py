"""The earlier run with which a run begins, or onto whose components it is projected, as a command finds it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from orchard.errors import OptionsError, UsageError, quoted
from orchard.layout import STAGES, RunFiles

if TYPE_CHECKING:
    from orchard.cli.target import Place
    from orchard.features.model import ModelFolder
    from orchard.runs.earlier import EarlierRun


def find_earlier(place: Place, name: str) -> str:
    """The id of the run in a stack that is meant; a folder of results is told by which option it is meant.

    Raises:
        UsageError: There is no such run, or more than one.
        RunFailedError: Its results were deleted.
    """
    from orchard.cli.results import find_results

    try:
        return find_results(place, name)
    except UsageError as error:
        if not Path(RunFiles(name).manifest).is_file():
            raise
        cause = "a folder of results is read with --local; without it, RUN is the id of a run"
        raise UsageError(f"{name} is a folder of this machine", cause, "the same command with --local") from error


def known_in(place: Place, run: str) -> EarlierRun:
    """The run in a stack whose components are meant; of one that was projected itself, the one that was fitted.

    Args:
        run: Its id, or a unique beginning of it.

    Raises:
        UsageError: There is none, or none that is complete.
    """
    from orchard.runs.earlier import read_fitted

    return read_fitted(place.s3, place.stack.results_bucket, find_earlier(place, run))


def known_here(folder: Path, out: Path | None = None) -> EarlierRun:
    """The same in a folder of results on this machine.

    Args:
        out: Where other results are to go.

    Raises:
        UsageError: There is none that is complete; or the others would take its place.
    """
    from orchard.runs.earlier import read_folder
    from orchard.runs.folder import check_apart

    found = read_folder(folder, STAGES)
    further = found.origin.components
    known = read_folder(Path(further), STAGES) if further else found
    used = {one for run in (found, known) for one in (run.files.base, *run.origin.named.values())}
    check_apart(out, used, "the results of the run are there onto whose components the images are projected")
    return known


def weights_for(known: EarlierRun | None, again: str) -> str:
    """The weights that a local cloud takes where none are named: those of an earlier run, or those for ImageNet.

    Args:
        again: What was typed.

    Raises:
        OptionsError: They came from a file, of which only the name is known.
    """
    from orchard.features.weights import IMAGENET, RANDOM

    if known is None:
        return IMAGENET
    weights = known.model["weights"]
    if weights in (IMAGENET, RANDOM):
        return weights
    cause = f"the features of {known.run_id} are those of {weights}, and where that file is, only you know"
    raise OptionsError("The weights have to be named", cause, f"{again} --weights {quoted(weights)}")


def check_model(known: EarlierRun | None, model: ModelFolder | None) -> None:
    """Refuse a model whose features are others than those of an earlier run.

    Raises:
        OptionsError: They are.
    """
    from orchard.features.model import called, is_same

    if known is None or model is None:
        return
    ours = vars(model.manifest)
    if not is_same(known.model, ours):
        cause = f"they were fitted on features of {called(known.model)}, and these are of {called(ours)}"
        raise OptionsError(f"The components of {known.run_id} are of another model", cause, "orchard run --help")


def remember(folder: Path, there: dict[str, str]) -> None:
    """Note beside results where those are whose files they use.

    Args:
        there: Folder of the results of each such run → its id.
    """
    from orchard.runs.folder import mark, read_marker

    mark(folder, replace(read_marker(folder), origins={name: base for base, name in there.items()}))
