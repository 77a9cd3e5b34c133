"""A function's package holds boto3 and Powertools only, but for inspecting NumPy too, so it must not need more."""

import subprocess
import sys

import pytest

from tests.support.paths import ROOT

HEAVY = (
    "numpy",
    "onnxruntime",
    "pandas",
    "PIL",
    "plotly",
    "pyarrow",
    "pyspark",
    "tensorflow",
    "moto",
    "typer",
    "jinja2",
)
FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/app.py"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_imports_nothing_heavy(name: str) -> None:
    script = (
        f"import sys; import functions.{name}.app; "
        f"print([m for m in {HEAVY!r} if m in sys.modules]); print(functions.{name}.app.handler.__name__)"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert told.stdout == f"{['numpy'] if name == 'inspect_archive' else []}\nhandler\n"


def test_there_are_the_five_functions() -> None:
    assert FUNCTIONS == [
        "await_turn",
        "describe_run",
        "inspect_archive",
        "publish_artefacts",
        "start_pipeline",
        "stop_orphans",
    ]
