"""Local clouds from beginning to end: functions as processes, events twice, and nothing left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import boto3
import pytest

from orchard.errors import EnvironmentNotReadyError
from orchard.local.cloud import LocalCloud
from tests.support.cloud.in_process import InProcessRunner
from tests.support.cloud.mini import STACK, cluster, ended, executions, step_states, upload
from tests.support.paths import ROOT
from tests.support.waiting import PATIENCE, eventually

pytestmark = pytest.mark.slow


def test_functions_below_the_emulator_and_events_that_come_twice(tmp_path: Path) -> None:
    seen: list[str] = []
    before = dict(os.environ)
    emulated = LocalCloud(STACK, tmp_path, duplicates=True, on_notice=lambda notice: seen.append(notice.subject))
    with emulated as cloud:
        version = upload(cloud, "in/twice.txt")
        assert ended(cloud, f"run-{version}")["status"] == "SUCCEEDED"
        log = next((cloud.folder / "logs").glob("mini-Start-*.log"))
        eventually(lambda: log.read_text().count(f"event of run-{version}") == 2, "the second delivery")
        assert executions(cloud) == [f"run-{version}"]
        assert seen == ["The run has ended"]

        invoke = boto3.client("lambda").invoke
        name = cloud.outputs["RecoverName"]
        for misbehaviour, kind in {
            "raise": "LookupError",
            "sleep": "Sandbox.Timedout",
            "exit": "Runtime.ExitError",
        }.items():
            answer = invoke(FunctionName=name, Payload=json.dumps({"misbehave": misbehaviour}))
            assert answer["FunctionError"] == "Unhandled"
            assert json.loads(answer["Payload"].read())["errorType"] == kind
        answer = invoke(FunctionName=name, Payload=b"{}")
        assert "FunctionError" not in answer
        returned = json.loads(answer["Payload"].read())
        assert returned["function"] == name
        assert 0 < returned["remaining"] <= 10_000
        running = cluster(["sleep", "600"])
        eventually(lambda: step_states(running) == ["RUNNING"], "a running step")

    assert dict(os.environ) == before
    assert not [pid for pid in _processes() if str(tmp_path) in _environment_of(pid)]


def _processes() -> list[Path]:
    return [path for path in Path("/proc").glob("[0-9]*") if path.name != str(os.getpid())]


def _environment_of(process: Path) -> str:
    try:
        return (process / "environ").read_text(errors="replace") + (process / "cmdline").read_text(errors="replace")
    except OSError:
        return ""


KEPT_UP = """\
import pathlib, signal, sys, time, boto3
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what a shell starts in the background
from orchard.local.cloud import LocalCloud
from orchard.local.moto.translate import StackSource
with LocalCloud(StackSource(pathlib.Path(sys.argv[1])), pathlib.Path(sys.argv[2])) as cloud:
    boto3.client("lambda").invoke(FunctionName=cloud.outputs["RecoverName"], Payload=b"{}")
    step = {"Name": "s", "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["sleep", "600"]}}
    boto3.client("emr").run_job_flow(Name="c", Instances={"KeepJobFlowAliveWhenNoSteps": True}, Steps=[step])
    while True:
        time.sleep(0.1)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_interrupted_cloud_leaves_no_process(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-c", KEPT_UP, str(STACK.template), str(tmp_path)]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)})
    below = f"{tmp_path}/cloud-"
    eventually(
        lambda: {"sleep", "aws-lambda-rie"} <= {name for pid in _processes() for name in _named(pid, below)},
        "a step and an emulator",
    )

    running.send_signal(number)

    assert running.wait(PATIENCE) != 0
    assert not [pid for pid in _processes() if below in _environment_of(pid)]


def _named(process: Path, below: str) -> set[str]:
    """What kinds of process of the cloud below this folder a process is."""
    about = _environment_of(process)
    return {name for name in ("sleep", "aws-lambda-rie") if below in about and name in about}


def test_a_port_that_is_taken_is_said_to_be(tmp_path: Path) -> None:
    before = dict(os.environ)
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        with pytest.raises(EnvironmentNotReadyError, match=f"port {port}"), LocalCloud(STACK, tmp_path, port=port):
            pass

    assert dict(os.environ) == before


def test_a_process_has_one_cloud_at_a_time(tmp_path: Path) -> None:
    with (
        LocalCloud(STACK, tmp_path, runner=InProcessRunner),
        pytest.raises(RuntimeError, match="one local cloud"),
        LocalCloud(STACK, tmp_path),
    ):
        pass
    with LocalCloud(STACK, tmp_path, runner=InProcessRunner) as cloud:
        assert boto3.client("s3").list_buckets()["Buckets"]
    assert cloud.notices == []
