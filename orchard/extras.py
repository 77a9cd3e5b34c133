"""What is installed beside the command itself: the extras of pyproject.toml, told apart by what can be imported."""

from __future__ import annotations

from importlib.util import find_spec

from orchard.errors import EnvironmentNotReadyError

_EXPORT = ("keras", "numpy", "onnx", "onnxruntime", "tensorflow", "tf2onnx")
_SPARK = ("PIL", "jinja2", "numpy", "onnxruntime", "plotly", "pyarrow", "pyspark")
_LOCAL = ("aws_lambda_powertools", "awscli", "awslambdaric", "jsonata", "moto", "samcli", "samtranslator")

MODULES = {"spark": _SPARK, "export": _EXPORT, "local": (*_LOCAL, *_SPARK, *_EXPORT)}
"""What each extra brings along, by the names under which it is imported; the smaller ones first. Not pip: setuptools
warns of whoever looks for it."""


_HEADLINE = "A part of Orchard is not installed"
_NAMED = 3


def installing(extra: str) -> str:
    """The command that installs an extra beside what is there."""
    return f"pip install 'orchard[{extra}]'"


def missing(extra: str) -> list[str]:
    """The modules of an extra that cannot be imported here; none is imported to find out."""
    return [name for name in dict.fromkeys(MODULES[extra]) if find_spec(name) is None]


def require(extra: str, what: str) -> None:
    """Make sure that an extra is installed.

    Args:
        extra: Which.
        what: What needs it, as the subject of a sentence.

    Raises:
        EnvironmentNotReadyError: It is not, or not whole.
    """
    if absent := missing(extra):
        more = f" and {len(absent) - _NAMED} more" if len(absent) > _NAMED else ""
        cause = f"{what} needs {', '.join(absent[:_NAMED])}{more}"
        raise EnvironmentNotReadyError(_HEADLINE, cause, installing(extra))


def explain(error: ImportError) -> EnvironmentNotReadyError | None:
    """What to tell about an import that failed; None if no extra would mend it."""
    name = (error.name or "").partition(".")[0]
    extra = next((extra for extra, modules in MODULES.items() if name in modules), None)
    if extra is None:
        return None
    return EnvironmentNotReadyError(_HEADLINE, f"this needs {name}", installing(extra))
