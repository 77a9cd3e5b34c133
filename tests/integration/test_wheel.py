"""The wheel, in an environment with nothing else: the command for AWS, and what it says where an extra is wanted.

All of it in folders whose paths have a space, in the C locale, and with a kernel of OpenBLAS that is not the one that
it would choose: whoever has one of these has them all.
"""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from orchard import cache
from orchard.demo.fruit import draw_zip
from orchard.features.export import model_for
from orchard.features.weights import RANDOM, resolve_weights
from orchard.local.emr.jars import s3a_jars, spark_home
from orchard.options import ENGINES
from orchard.release.build import build_release
from orchard.release.wheelhouse import gather_wheels, requirements_file
from tests.support import wheel
from tests.support.listener import listening
from tests.support.wheel import Installed

pytestmark = pytest.mark.slow

VARIABLES = {"LC_ALL": "C", "LANG": "C", "OPENBLAS_CORETYPE": "Haswell"}
NOBODY = {**VARIABLES, "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
PROXIES = [name for base in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY") for name in (base, base.lower())]
NOBODY["AWS_EC2_METADATA_DISABLED"] = "true"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a folder with spaces")


@pytest.fixture(scope="module")
def built(folder: Path) -> Path:
    return wheel.build(folder / "wheel")


@pytest.fixture(scope="module")
def installed(folder: Path, built: Path) -> Installed:
    return Installed.below(folder, built)


@pytest.fixture(scope="module")
def fruits(folder: Path) -> Path:
    return draw_zip(folder / "my rosé fruits.zip")


def test_plan_reads_a_zip(installed: Installed, fruits: Path) -> None:
    told = installed.run("plan", fruits.name, cwd=fruits.parent, **NOBODY)
    assert told.returncode == 0, told.stderr
    words = " ".join(told.stdout.split())  # a table has lines of any length
    assert "my rosé fruits.zip" in words
    assert "256 in 8 classes" in words


@pytest.mark.parametrize("command", ["", "doctor", "plan", "run", "runs", "status", "watch", "diagnose", "similar"])
def test_every_command_explains_itself(installed: Installed, folder: Path, command: str) -> None:
    told = installed.run(*command.split(), "--help", cwd=folder, **NOBODY)
    assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.parametrize("command", ["runs", "status", "watch", "diagnose", "results", "report", "sweep", "stop a"])
def test_without_credentials_a_command_says_so(installed: Installed, folder: Path, command: str) -> None:
    told = installed.run(*command.split(), cwd=folder, **NOBODY)
    assert told.returncode == 3
    assert told.stderr.splitlines()[-1] == "  Next: aws configure"


def test_the_doctor_tells_what_is_not_installed(installed: Installed, folder: Path) -> None:
    told = installed.run("doctor", "--json", cwd=folder, **NOBODY)
    assert told.returncode == 3
    lines = {line["name"]: line for line in json.loads(told.stdout)}
    assert lines["This machine"]["verdict"] == "unknown"
    local = installed.run("doctor", "--local", "--json", cwd=folder, **NOBODY)
    wrong = {line["name"]: line["fix"] for line in json.loads(local.stdout) if line["verdict"] == "wrong"}
    assert wrong == dict.fromkeys(("Spark", "SAM"), "pip install 'orchard[local]'")
    assert local.stderr == ""


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        ("run {} --local", "local"),
        ("local up", "local"),
        ("run {} --weights random", "export"),
        ("similar {0} {0}", "similar"),
    ],
)
def test_what_needs_an_extra_says_which(installed: Installed, fruits: Path, command: str, extra: str) -> None:
    words = [word.format(fruits.name) for word in command.split()]
    told = installed.run(*words, cwd=fruits.parent, **NOBODY)
    assert told.returncode == 3
    headline, cause, following = told.stderr.splitlines()
    assert headline == "Error: A part of Orchard is not installed"
    assert " needs " in cause
    assert following == f"  Next: pip install 'orchard[{extra}]'"


def test_with_the_extra_of_similar_a_run_is_asked_without_spark(
    folder: Path, built: Path, made_run: Path, fruits: Path
) -> None:
    installed = Installed.below(folder / "similar", built, "similar")
    (folder / "its home" / "models").mkdir(parents=True)
    (folder / "its home" / "models" / "small").symlink_to(made_run / "model")
    with zipfile.ZipFile(fruits) as archive:
        mine = archive.extract(next(name for name in archive.namelist() if name.endswith(".jpg")), folder)
    run = made_run / "fruits-0123456789ab"
    words = ["similar", str(run), mine, "--local", "--json", "--html", "öur fruit.html"]
    told = installed.run(*words, cwd=folder, ORCHARD_HOME=str(folder / "its home"), **NOBODY)
    assert told.returncode == 0, told.stderr
    [answer] = json.loads(told.stdout)["pictures"]
    assert len(answer["neighbours"]) == 5
    assert (folder / "öur fruit.html").read_text(encoding="utf-8").count("<img ") == 6
    for absent in ("pyspark", "tensorflow", "moto"):
        assert not [*(installed.folder / "lib").glob(f"*/site-packages/{absent}")]


def test_a_release_of_the_wheel_is_the_release_of_the_clone(installed: Installed, folder: Path) -> None:
    program = "import pathlib; from orchard import cache; from orchard.release.build import build_release; "
    program += "print(build_release(cache.project_dir(), cache.package_dir(), pathlib.Path(), engines=[]).id)"
    python = [str(installed.folder / "bin" / "python"), "-c", program]
    told = subprocess.run(python, cwd=folder, env=wheel.bare(VARIABLES), capture_output=True, text=True, check=True)
    here = build_release(cache.project_dir(), cache.package_dir(), folder, engines=[])
    assert told.stdout.strip() == here.id


@pytest.fixture(scope="module")
def home(folder: Path) -> Path:
    """What is fetched once from the internet, for which the proxies are, is here."""
    kept = folder / "a home"
    kept.mkdir()
    for part in (cache.jars_dir(), cache.models_dir(), cache.wheelhouse_dir()):
        part.mkdir(parents=True, exist_ok=True)
        (kept / part.name).symlink_to(part)
    s3a_jars(cache.jars_dir(), spark_home())
    gather_wheels(requirements_file(cache.project_dir(), ENGINES[0]), cache.wheelhouse_dir())
    model_for(resolve_weights(RANDOM), cache.models_dir())
    return kept


def test_with_its_extras_it_runs_the_local_cloud_and_asks_no_proxy(
    folder: Path, built: Path, fruits: Path, home: Path
) -> None:
    """The extras are those of this environment; the package is the wheel's, and nothing of the clone is beside it."""
    site = folder / "site packages"
    with zipfile.ZipFile(built) as archive:
        archive.extractall(site)
    program = "from orchard.cache import package_dir; from orchard.cli import main; print(package_dir()); main()"
    command = [sys.executable, "-c", program, "run", fruits.name, "--local", "--weights", RANDOM, "--out", "öut"]
    with listening() as proxy:
        given = {**dict.fromkeys(PROXIES, proxy.address), "ORCHARD_HOME": str(home), "PYTHONPATH": str(site)}
        variables = wheel.bare({**VARIABLES, **given})
        done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert proxy.came == 0, "command, functions and Spark, so it works as well where the proxy is not there"
    assert done.stdout.splitlines()[0] == str(site / "orchard"), "and not the clone"
    assert "oneDNN" not in done.stderr
    assert (folder / "öut" / "report.html").exists()
    summary = json.loads((folder / "öut" / "summary.json").read_text(encoding="utf-8"))
    assert summary["counts"]["features"] == 256
