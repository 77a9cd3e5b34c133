"""An archive of Spark's classes is made once, mapped by later jobs, and never used unless it is whole."""

import threading
from pathlib import Path

import pytest

from orchard.local.emr import class_archive
from orchard.local.emr.class_archive import made_meanwhile, sharing
from orchard.local.emr.nodes import Machine
from tests.support.waiting import eventually

_MAKE = """#!/bin/sh
archive=$(sed -n 's/.*ArchiveClassesAtExit=\\([^ ]*\\).*/\\1/p' "$SPARK_CONF_DIR/spark-defaults.conf")
echo "classes by $(nice)" > "$archive"
"""


class Installed:
    """A Java, a Spark and jars that are files only, and whose spark-submit is a script."""

    def __init__(self, folder: Path) -> None:
        self.java, self.spark, self.jars = folder / "java", folder / "spark", folder / "kept" / "3.3.4"
        for file in (self.java / "lib/server/classes.jsa", self.spark / "jars/spark.jar", self.jars / "s3a.jar"):
            file.parent.mkdir(parents=True)
            file.touch()
        self.release("17.0.15")
        self.submit(_MAKE)

    def release(self, version: str) -> None:
        (self.java / "release").write_text(f'JAVA_VERSION="{version}"\n')

    def submit(self, script: str) -> None:
        program = self.spark / "bin" / "spark-submit"
        program.parent.mkdir(exist_ok=True)
        program.write_text(script)
        program.chmod(0o755)

    @property
    def archives(self) -> list[Path]:
        return sorted(self.jars.parent.glob("classes-*.jsa"))

    def make(self) -> None:
        with made_meanwhile(self.spark, self.jars):
            eventually(lambda: sharing(self.spark, self.jars), "an archive")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    found = Installed(tmp_path)
    monkeypatch.setattr(class_archive, "java_home", lambda: found.java)
    return found


def test_an_archive_is_made_once_by_what_steps_aside_and_jobs_map_it(installed: Installed, tmp_path: Path) -> None:
    assert sharing(installed.spark, installed.jars) == []
    installed.make()
    [archive] = installed.archives
    assert archive.read_text() == "classes by 19\n"
    assert sorted(path.name for path in installed.jars.parent.iterdir()) == ["3.3.4", archive.name]
    assert sharing(installed.spark, installed.jars) == [
        f"-XX:SharedArchiveFile={archive}",
        "-XX:+VerifySharedSpaces",
        "-Xlog:cds*=off",
    ]

    Machine("http://127.0.0.1:9", installed.spark, installed.jars, 2, tmp_path).step_environment([], tmp_path / "j-1")
    settings = (tmp_path / "j-1" / "conf" / "spark-defaults.conf").read_text()
    assert f"-XX:SharedArchiveFile={archive}" in settings
    assert f"spark.driver.extraClassPath {installed.jars}/*:{installed.spark}/jars/*\n" in settings

    installed.submit("#!/bin/sh\nexit 1\n")
    with made_meanwhile(installed.spark, installed.jars):
        assert installed.archives == [archive]


def test_one_that_is_cut_off_is_not_mapped_and_made_again(installed: Installed) -> None:
    installed.make()
    [archive] = installed.archives
    whole = archive.read_text()
    archive.write_text(whole[:-1])
    assert sharing(installed.spark, installed.jars) == []
    installed.make()
    assert archive.read_text() == whole


def test_other_jars_have_an_archive_of_their_own_and_the_latest_two_stay(installed: Installed) -> None:
    made = []
    for number in range(3):
        (installed.spark / "jars" / "spark.jar").write_text("x" * number)
        assert sharing(installed.spark, installed.jars) == []
        installed.make()
        made += [path for path in installed.archives if path not in made]
    assert len(made) == 3
    eventually(lambda: installed.archives == sorted(made[1:]), "the first one's end")


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_292"])
def test_a_java_that_cannot_is_not_asked(installed: Installed, version: str) -> None:
    installed.release(version)
    with made_meanwhile(installed.spark, installed.jars):
        assert [path.name for path in installed.jars.parent.iterdir()] == ["3.3.4"]
    assert sharing(installed.spark, installed.jars) == []


def test_a_java_without_an_archive_of_its_own_is_not_asked_either(installed: Installed) -> None:
    (installed.java / "lib/server/classes.jsa").unlink()
    assert sharing(installed.spark, installed.jars) == []
    with made_meanwhile(installed.spark, installed.jars):
        assert not installed.archives


@pytest.mark.parametrize("end", ["exit 1", "exec sleep 600"], ids=["fails", "goes on"])
def test_what_is_not_made_to_its_end_is_not_used_and_nothing_is_left(installed: Installed, end: str) -> None:
    installed.submit(f'{_MAKE}touch "$SPARK_HOME/written"\n{end}\n')
    with made_meanwhile(installed.spark, installed.jars):
        eventually((installed.spark / "written").exists, "an archive that is perhaps not whole")
    assert [path.name for path in installed.jars.parent.iterdir()] == ["3.3.4"]
    assert sharing(installed.spark, installed.jars) == []


def test_a_process_that_makes_none_is_none_of_a_jobs_business(installed: Installed) -> None:
    installed.submit("#!/bin/sh\nexit 0\n")
    with made_meanwhile(installed.spark, installed.jars):
        eventually(lambda: not any(thread.name == "class archive" for thread in threading.enumerate()), "its end")
    assert not installed.archives
