"""A local run that is killed, in any phase and by any signal, leaves no process; the next start puts its files away."""

import contextlib
import os
import pty
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orchard import cache
from orchard.features.export import EXPORTER
from orchard.features.model import ModelFolder
from orchard.features.weights import RANDOM, resolve_weights
from orchard.local.emr.jars import s3a_jars, spark_home
from tests.integration.faults import small_job
from tests.support.pictures.drawn import fruit_members, write_zip
from tests.support.waiting import eventually

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="what runs is found in /proc"),
]

ORCHARD = """\
import signal, sys, time
from orchard.local.emr import node_tools
from orchard.runs import download
signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
# what is over before the phase comes need not be Spark's work
stages, job = sys.argv.pop(1), sys.argv.pop(1)
small = f'case "$*" in {stages}) exec python3.11 -I "{job}" "$@" ;; esac'
node_tools._SUBMIT = node_tools._SUBMIT.replace("#!/bin/sh", "#!/bin/sh\\n" + small)
if stages == "*":  # all that is copied has arrived, and is not yet in its place
    download.names_in = lambda _: time.sleep(600)
from orchard.cli import main
main()
"""

PHASES = {
    "setting up": "assembling jobs",
    "creating the stack": "starting the local cloud",
    "inspecting": "awslambdaric",
    "bootstrapping": "bootstrap-actions/1/script",
    "unzip": "unzip.py",
    "featurize": "pyspark.daemon",
    "pca": "pca.py",
    "copying the results": "copying the results",
}
"""What tells that a phase has come: words that the command writes, or that stand in the command line of a process."""

SMALL = {"pca": "*unzip.py*|*featurize.py*", "copying the results": "*"}
"""The stages, as a shell's pattern, that the small job of the fault matrix does in its place."""

OTHERS = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]


@pytest.fixture(scope="module")
def own_home(random_model: ModelFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of its own, in which only what takes minutes is there already."""
    own = tmp_path_factory.mktemp("home")
    jars = s3a_jars(cache.jars_dir(), spark_home())
    (own / "jars").mkdir()
    (own / "jars" / jars.name).symlink_to(jars)
    (own / "models").mkdir()
    (own / "models" / f"{resolve_weights(RANDOM).sha256[:12]}-{EXPORTER}").symlink_to(random_model.path)
    return own


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_zip(tmp_path_factory.mktemp("zip") / "fruits.zip", fruit_members(training=12, test=4))


class Killed:
    """A run that is about to be killed.

    Args:
        own_home: Its cache.
        archive: Its zip.
        folder: For everything else. Each of its processes has this folder's name in its environment, or, on a node,
            that of the cache.
        phase: When it is killed.
    """

    def __init__(self, own_home: Path, archive: Path, folder: Path, phase: str = "featurize") -> None:
        self._home = own_home
        self.mark = folder / "tmp"
        self.mark.mkdir()
        self.said = folder / "said"
        given = ["run", str(archive), "--local", "--weights", RANDOM, "--out", str(folder / "out")]
        self.words = [sys.executable, "-c", ORCHARD, SMALL.get(phase, "none"), small_job.__file__, *given]
        self.environment = {**os.environ, "ORCHARD_HOME": str(own_home), "TMPDIR": str(self.mark)}

    def until(self, phase: str) -> None:
        """Wait for a phase."""
        word = PHASES[phase]

        def come() -> bool:
            return word in self.said.read_text(errors="replace") or any(word in line for line in self.command_lines())

        eventually(come, f"{phase}: {self.said.read_text(errors='replace')}")

    def command_lines(self) -> list[str]:
        """Those of its processes."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                environment = (process / "environ").read_text(errors="replace")
                if str(self.mark) in environment or str(self._home) in environment:
                    found.append((process / "cmdline").read_text(errors="replace").replace("\0", " "))
            except OSError:
                continue
        return found

    def left_after_the_next_start(self) -> set[str]:
        """What is in the cache then and was not there before, but for what is complete, and logs."""
        start = "from orchard import cache; cache.remove_left_over()"
        subprocess.run([sys.executable, "-c", start], env=self.environment, check=True)
        complete = {"models", "jars", "wheelhouse"}
        found = set()
        for path in self._home.glob("*/*"):
            inside = {one.name for one in path.glob("*")} | {one.name for one in path.glob("clusters/*/*")}
            whole = path.parent.name in complete and not path.name.startswith(".")
            logs_only = path.parent.name == "local" and inside <= {".lock", "logs", "clusters"}
            environment = path.parent.name == "environments" and any(name.startswith(".complete-") for name in inside)
            if not (whole or logs_only or environment):
                found.add(str(path))
        return found


@pytest.mark.parametrize(
    ("phase", "number"),
    [(phase, number) for turn, phase in enumerate(PHASES) for number in (signal.SIGKILL, OTHERS[turn % len(OTHERS)])],
)
def test_a_run_that_is_killed_leaves_nothing(
    phase: str, number: signal.Signals, own_home: Path, archive: Path, tmp_path: Path
) -> None:
    killed = Killed(own_home, archive, tmp_path, phase)
    if phase == "bootstrapping":
        shutil.rmtree(own_home / "environments", ignore_errors=True)
    with (
        killed.said.open("wb") as said,
        subprocess.Popen(
            killed.words, env=killed.environment, stdout=said, stderr=said, start_new_session=True
        ) as command,
    ):
        killed.until(phase)
        command.send_signal(number)

    assert command.returncode in ({-9} if number == signal.SIGKILL else {-number, 128 + number}), (
        killed.said.read_text()
    )
    eventually(lambda: not killed.command_lines(), "the end of every process")
    assert killed.left_after_the_next_start() == set()


def test_a_terminal_that_is_closed_ends_its_run(own_home: Path, archive: Path, tmp_path: Path) -> None:
    killed = Killed(own_home, archive, tmp_path)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(killed.words[0], killed.words, killed.environment)  # noqa: S606
    killed.said.touch()
    os.set_blocking(terminal, False)

    def featurizing() -> bool:
        with contextlib.suppress(BlockingIOError):
            os.read(terminal, 65_536)
        return any(PHASES["featurize"] in line for line in killed.command_lines())

    eventually(featurizing, "featurize")
    os.close(terminal)

    os.waitpid(pid, 0)
    eventually(lambda: not killed.command_lines(), "the end of every process")
    assert killed.left_after_the_next_start() == set()
