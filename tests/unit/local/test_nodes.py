from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchard.local.emr_logs import LogFolder, controller_log
from orchard.local.nodes import Machine

CLOUD = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    found = Machine(CLOUD, tmp_path / "spark", tmp_path / "jars", 2, tmp_path / "clusters")
    found.prepare()
    return found


def test_the_users_own_settings_do_not_reach_a_node(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "SPARK_MASTER", "PYTHONPATH", "VIRTUAL_ENV", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "mine")

    environment = machine.environment()

    assert "mine" not in environment.values()
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"
    assert environment["SPARK_HOME"].endswith("/spark")


def test_a_node_signs_with_the_key_of_its_role_and_without_one_with_the_users(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    node = machine.acting_as("role.node")

    assert node.environment()["AWS_ACCESS_KEY_ID"] == "role.node"
    conf = Path(node.step_environment([], tmp_path / "j-1")["SPARK_CONF_DIR"])
    assert "spark.hadoop.fs.s3a.access.key role.node\n" in (conf / "spark-defaults.conf").read_text()
    assert node.s3()._request_signer._credentials.access_key == "role.node"
    assert machine.acting_as(None) == machine


def test_a_cluster_has_spark_settings_of_its_own(machine: Machine, tmp_path: Path) -> None:
    exports = [{"Classification": "export", "Properties": {"PYSPARK_PYTHON": "/mnt/python"}}]

    environment = machine.step_environment(
        [{"Classification": "spark-env", "Configurations": exports}], tmp_path / "j-1"
    )

    assert environment["PYSPARK_PYTHON"] == "/mnt/python"
    settings = (Path(environment["SPARK_CONF_DIR"]) / "spark-defaults.conf").read_text()
    assert "spark.master local[2,4]\n" in settings


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
