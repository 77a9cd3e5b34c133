"""A function's package holds boto3 and Powertools only, so it must not need more."""

import subprocess
import sys
from pathlib import Path

import pytest

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
FUNCTIONS = sorted(path.parent.name for path in Path(__file__).parents[3].glob("functions/*/app.py"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_imports_nothing_heavy(name: str) -> None:
    script = (
        f"import sys; import functions.{name}.app; "
        f"print([m for m in {HEAVY!r} if m in sys.modules]); print(functions.{name}.app.handler.__name__)"
    )
    root = Path(__file__).parents[3]
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=root)
    assert told.stdout == "[]\nhandler\n"


def test_there_are_the_five_functions() -> None:
    assert FUNCTIONS == [
        "await_turn",
        "describe_run",
        "inspect_archive",
        "publish_artefacts",
        "start_pipeline",
        "stop_orphans",
    ]
