"""Bundles of a release and a model whose files hold what a test wants, for stacks that publish them."""

from collections.abc import Mapping
from pathlib import Path

from orchard import cache
from orchard.features.model import ModelFolder
from orchard.layout import ReleaseFiles, model_prefix
from orchard.local.moto.translate import StackSource
from orchard.release.build import zip_package
from orchard.release.bundle import IN_LAYER, LIST, Bundle, described, required_keys

RELEASE, MODEL = "r1", "m1"


def write_bundle(folder: Path, files: Mapping[str, bytes], model: str = MODEL) -> Bundle:
    """Write a bundle.

    Args:
        folder: Where.
        files: The content of the release's files by their path in it, and of the model's by `model/<name>`; what a run
            asks for by name and what is not here is empty.
        model: The model's id.
    """
    names = ReleaseFiles("any-bucket", RELEASE)
    named = {
        model_prefix(model) + name.removeprefix("model/") if name.startswith("model/") else names.key(name): content
        for name, content in files.items()
    }
    engines = ("onnxruntime",)
    for key, content in {**dict.fromkeys(required_keys(RELEASE, model, engines), b""), **named}.items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(content)
    (folder / LIST).unlink(missing_ok=True)
    listed = {str(path.relative_to(folder)): described(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    bundle = Bundle(RELEASE, model, engines, listed)
    bundle.save(folder)
    return bundle


def real_files(model: ModelFolder) -> dict[str, bytes]:
    """What the real jobs and this model are, as `write_bundle` takes it; nodes boot without doing anything."""
    root = cache.project_dir()
    jobs = {f"spark_jobs/{path.name}": path.read_bytes() for path in (root / "spark_jobs").glob("*.py")}
    files = {f"model/{path.name}": path.read_bytes() for path in model.path.iterdir()}
    return {**jobs, **files, "orchard.zip": zip_package(cache.package_dir()), "bootstrap/install.sh": b":\n"}


def stack_with(layer: Path, files: Mapping[str, bytes], model: str = MODEL, **parameters: str) -> StackSource:
    """The project's own stack with a bundle to publish.

    Args:
        layer: A folder for it.
        files: As for `write_bundle`.
        model: The model's id.
        parameters: The stack's.
    """
    write_bundle(layer / IN_LAYER, files, model)
    return StackSource(cache.project_dir() / "template.yaml", parameters=parameters, layers={"Artefacts": layer})
