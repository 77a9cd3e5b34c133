"""What holds for every command: usage, errors, exit codes."""

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from orchard import __version__
from orchard.aws.stack import DEFAULT_STACK
from orchard.cli.app import app
from orchard.cli.output import ends_well
from orchard.cli.settings import Settings
from orchard.errors import EnvironmentNotReadyError, OrchardError, RunFailedError, UsageError

runner = CliRunner()


def test_the_version() -> None:
    result = runner.invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"orchard {__version__}\n")


def test_the_exit_codes_are_told() -> None:
    result = runner.invoke(app, ["--help"])
    assert result.exit_code == 0
    assert "2 wrong usage or a refused archive" in " ".join(result.stdout.split())


@pytest.mark.parametrize("arguments", ["run", "plan", "run a.zip --fast", "run a.zip --components x", "local down"])
def test_wrong_usage_is_exit_2(arguments: str) -> None:
    assert runner.invoke(app, arguments.split()).exit_code == 2


def test_help_imports_nothing_heavy() -> None:
    heavy = "('boto3', 'botocore', 'moto', 'numpy', 'pyarrow', 'pyspark', 'PIL', 'tensorflow')"
    program = f"import sys, orchard.cli.app; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_default_stack_is_the_one_of_the_library() -> None:
    assert Settings().stack == DEFAULT_STACK


def end_with(error: BaseException, *, debug: bool = False) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command that raises."""
    host = typer.Typer(pretty_exceptions_enable=False)

    @host.callback()
    def settings(ctx: typer.Context) -> None:
        ctx.obj = Settings(debug=debug)

    @host.command()
    @ends_well
    def harvest(ctx: typer.Context) -> None:
        raise error

    result = runner.invoke(host, ["harvest"], prog_name="orchard")
    return result.exit_code, result.stdout, result.stderr


class TestErrors:
    def test_one_headline_one_cause_and_the_next_command_on_stderr(self) -> None:
        error = EnvironmentNotReadyError("There is no stack", "nothing is deployed", "sam build && sam deploy")
        assert end_with(error) == (
            3,
            "",
            "Error: There is no stack\n  nothing is deployed\n  Next: sam build && sam deploy\n",
        )

    def test_what_is_not_known_is_left_out(self) -> None:
        assert end_with(RunFailedError("The run failed")) == (1, "", "Error: The run failed\n")

    def test_a_wrong_argument_leads_to_the_help(self) -> None:
        code, _, told = end_with(UsageError("No such fruit"))
        assert code == 2
        assert told.endswith("Next: orchard harvest --help\n")

    def test_long_causes_and_brackets_stay_as_they_are(self) -> None:
        cause = "[red]" + "a cause without an end " * 20
        assert cause in end_with(OrchardError("It failed", cause))[2]

    @pytest.mark.parametrize("error", [OrchardError("It failed"), ZeroDivisionError("by zero")])
    def test_a_traceback_is_for_debugging_only(self, error: Exception) -> None:
        assert "Traceback" not in end_with(error)[2]
        assert "Traceback" in end_with(error, debug=True)[2]

    def test_a_defect_says_what_it_is_and_how_to_see_more(self) -> None:
        code, _, told = end_with(ZeroDivisionError("by zero"))
        assert code == 1
        assert "ZeroDivisionError: by zero" in told
        assert "orchard --debug harvest" in told

    def test_what_is_not_installed_is_told_with_the_extra_that_has_it(self) -> None:
        code, _, told = end_with(ModuleNotFoundError("No module named 'moto'", name="moto"))
        assert code == 3
        assert "this needs moto\n  Next: pip install 'orchard[local]'\n" in told

    def test_ctrl_c_has_the_shells_exit_code(self) -> None:
        assert end_with(KeyboardInterrupt()) == (130, "", "")
