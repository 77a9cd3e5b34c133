"""What `sam build` leaves for a deployment to publish: files under the keys that they will have, and their list.

A Lambda layer brings it to the function that publishes it. That function runs on the standard library and boto3 alone,
so this module needs neither.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from orchard.errors import EnvironmentNotReadyError
from orchard.layout import STAGES, ObjectAddress, ReleaseFiles, model_prefix

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LIST = "bundle.json"

IN_LAYER = "bundle"
"""The bundle's folder in the layer, and so below `/opt`, where the template's variable `BUNDLE` finds it."""

MAX_LAYER_BYTES = 250 << 20
"""A function and its layers together, unpacked (Lambda quotas, AWS Lambda Developer Guide)."""

_REBUILD = "sam build && sam deploy"


@dataclass(frozen=True)
class BundledFile:
    """One file of a bundle.

    Attributes:
        sha256: Of its content, in hex.
        size: Bytes.
    """

    sha256: str
    size: int


@dataclass(frozen=True)
class Bundle:
    """One release and one model, as files.

    Attributes:
        model: The model's id; "" where no run computes features.
        engines: The engines whose wheels are among the files.
        files: By the key that the file will have in the artefacts bucket, which is also its path in the bundle.
    """

    release: str
    model: str
    engines: tuple[str, ...]
    files: Mapping[str, BundledFile]

    @classmethod
    def load(cls, folder: Path) -> Bundle:
        """Read a bundle's list, and see that everything is there.

        Returns:
            The bundle; all of its files are there, with the content that the list says.

        Raises:
            EnvironmentNotReadyError: There is no bundle, or something is missing in it or damaged; says what.
        """
        try:
            found = json.loads((folder / LIST).read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            cause = f"{folder / LIST} does not exist: sam build has not assembled them"
            raise EnvironmentNotReadyError("There are no artefacts to publish", cause, _REBUILD) from error
        files = {key: BundledFile(**file) for key, file in found["files"].items()}
        bundle = cls(found["release"], found["model"], tuple(found["engines"]), files)
        wrong = [*bundle.missing(), *(key for key, file in files.items() if not _is(folder / key, file))]
        if wrong:
            cause = f"missing or damaged: {', '.join(dict.fromkeys(wrong))}"
            raise EnvironmentNotReadyError("The artefacts to publish are not complete", cause, _REBUILD)
        return bundle

    def missing(self) -> list[str]:
        """The keys that a run would ask for and that the list does not have."""
        wanted = required_keys(self.release, self.model, self.engines)
        return [key for key in wanted if key not in self.files]

    def save(self, folder: Path) -> None:
        """Write the list of a folder that has the files."""
        content = {**asdict(self), "files": {key: asdict(file) for key, file in sorted(self.files.items())}}
        (folder / LIST).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def required_keys(release: str, model: str, engines: tuple[str, ...], *, archives: bool = False) -> list[str]:
    """What has to be in the artefacts bucket for runs to go well, as far as names tell.

    Args:
        archives: Runs work where no bootstrap script runs, and so need an archive of each engine's wheels, too.
    """
    files = ReleaseFiles("any-bucket", release)
    uris = [files.package, files.bootstrap, files.driver_pod, *map(files.job, STAGES)]
    uris += [f"{files.wheelhouse(engine)}/requirements.txt" for engine in engines]
    uris += [files.environment(engine) for engine in engines if archives]
    models = [f"{model_prefix(model)}manifest.json"] if model else []
    return [*(ObjectAddress.parse(uri).key for uri in uris), *models]


def described(path: Path) -> BundledFile:
    """A file as a bundle lists it."""
    with path.open("rb") as file:
        return BundledFile(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


def _is(path: Path, file: BundledFile) -> bool:
    return path.is_file() and described(path) == file
