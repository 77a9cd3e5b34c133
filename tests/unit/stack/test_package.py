"""What goes into a function's package: what it imports, for the Python and the machine that Lambda runs it on."""

from pathlib import Path

import pytest

from functions import package
from tests.support.stack.template import ROOT, sam

HEAVY = ("pandas", "pyarrow", "pyspark", "tensorflow", "numpy", "onnxruntime", "boto3", "botocore", "urllib3")
OF_MODELS = [f"orchard/features/{name}.py" for name in ("__init__", "errors", "model")]
"""What reads the manifest of a model, which is text."""

FUNCTIONS = ("start_pipeline", "inspect_archive", "await_turn", "describe_run", "stop_orphans", "publish_artefacts")


def modules(function: str) -> set[str]:
    return {str(file) for file in package.reachable_modules(ROOT / "functions" / function / "app.py")}


def test_a_package_holds_the_modules_that_the_function_reaches() -> None:
    assert {"orchard/__init__.py", "orchard/pipeline/input.py", "orchard/layout.py"} <= modules("start_pipeline")
    assert not [name for name in modules("start_pipeline") if "archive" in name or "cluster" in name]
    assert {"orchard/archive/checks.py", "orchard/compute/emr_plan.py"} <= modules("inspect_archive")
    assert "orchard/notices/notice.py" in modules("describe_run")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_package_holds_nothing_of_the_command_line_or_the_local_cloud(function: str) -> None:
    parts = {"cli", "local", "report", "features", "components", "release"}
    parts -= {"release"} if function == "publish_artefacts" else set()
    outside = tuple(f"orchard/{part}/" for part in parts)
    read = OF_MODELS if function == "inspect_archive" else []
    assert sorted(name for name in modules(function) if name.startswith(outside)) == read


def test_what_the_runtime_brings_along_is_left_out() -> None:
    kept = "wrapt==2.0 \\\n    --hash=sha256:bb\n"
    lock = f"botocore==1.0 \\\n    --hash=sha256:aa\n    # via x\n{kept}six==1.0 --hash=sha256:cc\n"
    assert package.pinned_libraries(lock) == kept


def test_the_lock_file_is_pinned_and_hashed_after_that() -> None:
    kept = package.pinned_libraries((ROOT / "requirements" / "lambda.txt").read_text())
    pins = [line for line in kept.splitlines() if "==" in line]
    assert {pin.partition("==")[0] for pin in pins} >= {"aws-lambda-powertools", "aws-xray-sdk", "wrapt"}
    assert not [pin for pin in pins if pin.startswith(HEAVY)]
    inspection = package.pinned_libraries((ROOT / "requirements" / "lambda-inspect_archive.txt").read_text())
    assert [line.partition("==")[0] for line in inspection.splitlines() if "==" in line] == ["numpy"]
    assert kept.count("--hash") >= len(pins)


def test_packages_are_made_for_the_runtime_of_the_template() -> None:
    shared = sam()["Globals"]["Function"]
    assert shared["Runtime"] == f"python{package.RUNTIME}"
    assert all(platform.endswith(shared["Architectures"][0]) for platform in package.PLATFORMS)


def test_sam_finds_a_recipe_for_every_function() -> None:
    recipes = (ROOT / "functions" / "Makefile").read_text()
    for name, resource in sam()["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            folder = Path(resource["Properties"]["CodeUri"]).name
            assert f'build-{name}: ; $(PYTHON) functions/package.py {folder} "$(ARTIFACTS_DIR)"\n' in recipes
            assert resource["Metadata"] == {
                "BuildMethod": "makefile",
                "ContextPath": "functions",
                "WorkingDirectory": ".",
            }
