import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchard.local.emr.logs import LogFolder, controller_log
from orchard.local.emr.nodes import IMAGE, OLD_IMAGE, Machine
from orchard.local.emr.nodes import NODE as NODE_PROGRAMS
from tests.support.cloud.awsfakes import signs_as

ADDRESS = "http://127.0.0.1:9"
NODE = {"PATH", "HOME", "USER", "LOGNAME", "JAVA_HOME", "TZ", "AWS_ENDPOINT_URL", "AWS_EC2_METADATA_SERVICE_ENDPOINT"}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    found = Machine(ADDRESS, tmp_path / "spark", tmp_path / "jars", 2, tmp_path / "clusters")
    found.prepare()
    return found


def test_the_users_own_settings_do_not_reach_a_node(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "SPARK_MASTER", "PYTHONPATH", "VIRTUAL_ENV", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "mine")

    environment = machine.environment()

    assert "mine" not in environment.values()
    assert environment.keys() - {"LD_LIBRARY_PATH"} == NODE
    assert environment["AWS_ENDPOINT_URL"] == ADDRESS


def test_a_node_finds_its_images_programs_and_no_others(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "my-program").write_text("#!/bin/sh\n")
    (own / "my-program").chmod(0o755)
    monkeypatch.setenv("PATH", str(own), prepend=os.pathsep)
    for programs, there in (
        (NODE_PROGRAMS, {"aws", "sudo", "python3.11"}),
        (IMAGE, {"python3.11"}),
        (OLD_IMAGE, set()),
    ):
        path = machine.environment(programs)["PATH"]
        assert shutil.which("bash", path=path)
        names = ("aws", "sudo", "python3.11", "python3", "python", "my-program", "spark-submit", "git")
        assert {name for name in names if shutil.which(name, path=path)} == there


def test_the_images_python_has_nothing_installed(machine: Machine) -> None:
    code = "import importlib.util as u, sys; print(sys.version_info[:2], u.find_spec('numpy'), u.find_spec('orchard'))"
    done = subprocess.run(
        ["python3.11", "-c", code],
        env=machine.environment(),
        cwd=machine.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "(3, 11) None None\n"


def test_a_node_signs_with_the_key_of_its_role_and_without_one_with_the_users(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    node = machine.acting_as("role.node")

    for environment in (node.environment(), node.step_environment([], tmp_path / "j-1")):
        assert environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == f"{ADDRESS}/_instance/role.node/"
        assert not {name for name in environment if name.endswith(("KEY", "KEY_ID", "TOKEN", "REGION"))}
    settings = (tmp_path / "j-1" / "conf" / "spark-defaults.conf").read_text()
    assert f"ec2MetadataServiceEndpointOverride={ADDRESS}/_instance/role.node" in settings
    assert "region" not in settings
    assert "access.key" not in settings
    assert signs_as(node.s3()) == "role.node"
    assert machine.acting_as(None) == machine


def test_a_cluster_has_spark_settings_of_its_own(machine: Machine, tmp_path: Path) -> None:
    exports = [{"Classification": "export", "Properties": {"PYSPARK_PYTHON": "/mnt/my python", "SHAPE": "round"}}]
    configurations = [
        {"Classification": "spark-env", "Configurations": exports},
        {"Classification": "spark-defaults", "Properties": {"spark.executorEnv.PYSPARK_PYTHON": "/mnt/my python"}},
    ]
    environment = machine.step_environment(configurations, tmp_path / "j 1")
    conf = Path(environment["SPARK_CONF_DIR"])

    assert "PYSPARK_PYTHON" not in environment, "a step's own shell has nothing of Spark's"
    assert "export PYSPARK_PYTHON='/mnt/my python'\n" in (conf / "spark-env").read_text()
    assert "spark.master local[2,4]\n" in (conf / "spark-defaults.conf").read_text()
    [program] = (conf / "python").glob("*.py")
    assert "['SHAPE']" in program.read_text(), "the one that an executor is not told"


@pytest.mark.parametrize(
    ("driver_env", "pod"),
    [
        ("spark.emr-serverless.driverEnv", None),
        ("spark.kubernetes.driverEnv", {"AWS_ROLE_ARN": "arn:aws:iam::1:role/p"}),
    ],
)
def test_a_job_runs_driver_has_the_variables_that_its_settings_give_it(
    machine: Machine, tmp_path: Path, driver_env: str, pod: dict[str, str] | None
) -> None:
    settings = {f"{driver_env}.FRUIT": "pear", f"{driver_env}.SHAPE": "round", "spark.executorEnv.SHAPE": "round"}
    environment = machine.job_environment(settings, tmp_path / "job", IMAGE, driver_env=driver_env, pod=pod)

    own = NODE if pod is None else NODE - {"AWS_EC2_METADATA_SERVICE_ENDPOINT"} | pod.keys()
    assert environment.keys() - {"LD_LIBRARY_PATH"} == own | {"SPARK_CONF_DIR", "FRUIT", "SHAPE"}
    [program] = (tmp_path / "job" / "conf" / "python").glob("*.py")
    assert "['FRUIT']" in program.read_text()


@pytest.mark.parametrize("flags", [[], ["-E"], ["-u", "root", "-H"]])
def test_sudo_runs_the_command_as_the_same_user(machine: Machine, flags: list[str]) -> None:
    done = subprocess.run(
        ["sudo", *flags, "FRUIT=pear", "sh", "-c", "echo $FRUIT"],
        env=machine.environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "pear\n"


def test_logs_are_where_emr_writes_them(tmp_path: Path) -> None:
    logs = LogFolder(tmp_path, "s3://results/logs/j-1/steps/s-1")

    assert logs.address("stderr") == "s3://results/logs/j-1/steps/s-1/stderr.gz"
    assert LogFolder(tmp_path, None).address("stderr") is None


@pytest.mark.parametrize(
    ("code", "last"), [(0, "INFO Step succeeded with exitCode 0"), (7, "WARN Step failed with exitCode 7")]
)
def test_the_controller_log_ends_as_emrs_does(code: int, last: str) -> None:
    began = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)

    text = controller_log("s-1", ["bash", "-c", "echo two words"], began, began + timedelta(seconds=61), code)

    assert text.splitlines()[0] == "2026-11-20T09:30:00.000Z INFO StepRunner: Created Runner for step s-1"
    assert "INFO startExec 'bash -c 'echo two words''" in text
    assert text.splitlines()[-1] == f"2026-11-20T09:31:01.000Z {last} and took 61 seconds"
