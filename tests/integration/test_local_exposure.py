"""What others can reach of a local cloud, and what it can reach of its user: nothing."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchard.local.cloud import LocalCloud
from tests.support.cloud.mini import STACK, ended, upload

pytestmark = pytest.mark.slow

USERS = {
    "AWS_PROFILE": "users-own",
    "AWS_SESSION_TOKEN": "users-own",
    "AWS_CONFIG_FILE": "users-own",
    "GITHUB_TOKEN": "users-own",
    "ANYTHING": "users-own",
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in USERS.items():
            patch.setenv(name, value)
        with LocalCloud(STACK, tmp_path_factory.mktemp("home"), cores=1) as running:
            yield running


@pytest.fixture(scope="module")
def output(cloud: LocalCloud) -> str:
    """The environment of a step, printed by itself; the run's functions have run as processes by then."""
    version = upload(cloud, "in/a.txt", first=["bash", "-c", "env"])
    run = ended(cloud, f"run-{version}")
    assert run["status"] == "SUCCEEDED", run
    said = [log.read_text() for log in cloud.folder.glob("clusters/*/logs/steps/*/stdout")]
    [environment] = [text for text in said if "AWS_" in text]
    return environment


def test_a_step_gets_none_of_the_users_variables(output: str) -> None:
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:" in output
    assert "users-own" not in output


def test_whoever_types_what_it_tells_asks_no_proxy_for_it(cloud: LocalCloud) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        assert {"127.0.0.1", "localhost"} <= set(cloud.environment[name].split(","))


def test_a_function_gets_none_of_the_users_variables(cloud: LocalCloud, output: str) -> None:
    assert output
    environments = [
        environment for environment in map(environment_of, descendants()) if "AWS_LAMBDA_FUNCTION_NAME" in environment
    ]
    assert environments
    assert not [found for found in environments if "users-own" in found]


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="there is no /proc")
def test_everything_listens_on_this_machine_only(cloud: LocalCloud, output: str) -> None:
    assert output
    listening = [address for pid in (os.getpid(), *descendants()) for address in listeners(pid)]
    assert len(listening) >= 3, "the cloud and two ports of each function's emulator"
    assert set(listening) <= {"0100007F", "0000000000000000FFFF00000100007F"}, "127.0.0.1, in four or sixteen bytes"


def test_its_files_are_its_users(cloud: LocalCloud) -> None:
    assert stat.S_IMODE(cloud.folder.stat().st_mode) == 0o700


def descendants() -> list[int]:
    """The processes that this one started, and theirs."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found - {os.getpid()})


def environment_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_text().replace("\0", "\n")
    except OSError:
        return ""


def listeners(pid: int) -> list[str]:
    """The addresses, as /proc/net/tcp writes them, on which a process listens."""
    sockets = set()
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            target = str(link.readlink())
            if target.startswith("socket:["):
                sockets.add(target[8:-1])
    except OSError:
        pass
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and inode in sockets:
                found.append(local.partition(":")[0])
    return found
