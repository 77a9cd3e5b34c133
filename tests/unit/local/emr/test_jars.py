import subprocess
from pathlib import Path

import pytest

from orchard.errors import EnvironmentNotReadyError
from orchard.local.emr import jars


def tool(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return program


def spark_with(tmp_path: Path, submit: str) -> Path:
    """A Spark that has a Hadoop 3.3.4 and this spark-submit."""
    spark = tmp_path / "spark"
    (spark / "jars").mkdir(parents=True)
    (spark / "jars" / "hadoop-client-api-3.3.4.jar").touch()
    tool(spark / "bin", "spark-submit", submit)
    return spark


def test_the_installed_pyspark_bundles_a_hadoop() -> None:
    assert jars.hadoop_version(jars.spark_home()).startswith("3.")


def test_ivys_jars_are_copied_once(tmp_path: Path) -> None:
    (tmp_path / "ivy").mkdir()
    for name in ("hadoop-aws.jar", "bundle.jar"):
        (tmp_path / "ivy" / name).write_text(name)
    spark = spark_with(tmp_path, f"echo 'jars: file://{tmp_path}/ivy/hadoop-aws.jar,file:{tmp_path}/ivy/bundle.jar'")

    found = jars.s3a_jars(tmp_path / "kept", spark)

    assert found == tmp_path / "kept" / "3.3.4"
    assert sorted(jar.name for jar in found.iterdir()) == ["bundle.jar", "hadoop-aws.jar"]
    tool(spark / "bin", "spark-submit", "exit 1")
    assert jars.s3a_jars(tmp_path / "kept", spark) == found
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["3.3.4"]


def test_without_ivy_maven_copies_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spark = spark_with(tmp_path, "exit 1")
    tool(
        tmp_path / "tools",
        "mvn",
        'for a in "$@"; do case $a in -DoutputDirectory=*) touch "${a#*=}/a.jar";; esac; done',
    )
    monkeypatch.setenv("PATH", f"{tmp_path}/tools:/usr/bin:/bin")

    assert (jars.s3a_jars(tmp_path / "kept", spark) / "a.jar").exists()


def test_without_either_the_reasons_are_told_and_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spark = spark_with(tmp_path, "echo 'unresolved dependency' >&2; exit 1")
    monkeypatch.setenv("PATH", "/nonexistent")

    with pytest.raises(EnvironmentNotReadyError) as told:
        jars.s3a_jars(tmp_path / "kept", spark)

    assert "Ivy: unresolved dependency" in told.value.cause
    assert "Maven: there is no mvn" in told.value.cause
    assert list((tmp_path / "kept").iterdir()) == []


def test_java_is_asked_for_when_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")

    with pytest.raises(EnvironmentNotReadyError, match=r"Spark 3\.5 needs Java"):
        jars.check_java()


@pytest.mark.parametrize(("version", "good"), [("1.8.0_402", True), ("17.0.15", True), ("21.0.1", False), ("9", False)])
def test_only_some_javas_run_spark(version: str, good: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(tmp_path / "bin", "java", f"echo 'openjdk version \"{version}\" 2026-01-01' >&2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin" if good else "/nonexistent")
    assert subprocess.run([tmp_path / "bin" / "java"], check=False).returncode == 0

    if good:
        jars.check_java()
    else:
        with pytest.raises(EnvironmentNotReadyError, match=r"Spark 3\.5 needs Java 8, 11 or 17: .*bin/java is Java"):
            jars.check_java()


@pytest.mark.parametrize("wrong", ["none", "too old"])
def test_a_java_home_beside_a_good_java_is_told_as_what_is_wrong(
    wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = tool(tmp_path / "good", "java", "echo 'openjdk version \"17.0.15\"' >&2")
    if wrong == "too old":
        tool(tmp_path / "home" / "bin", "java", "echo 'java version \"1.6.0_45\"' >&2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{good.parent}:/usr/bin:/bin")

    with pytest.raises(EnvironmentNotReadyError) as told:
        jars.check_java()

    assert told.value.headline == "Spark 3.5 does not run on the Java in JAVA_HOME"
    assert str(tmp_path / "home") in told.value.cause
    assert f"{good} on the PATH is suitable" in told.value.cause
    assert told.value.next_command == "unset JAVA_HOME"


def test_java_is_told_of_the_users_proxies_for_what_is_fetched_from_the_internet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert jars.java_proxies() == []
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "10.1.2.3,.inside.example")
    told = "-Dhttps.proxyHost=proxy.example -Dhttps.proxyPort=3128"
    told += " -Dhttp.nonProxyHosts=localhost|127.*|10.1.2.3|*.inside.example"
    spark = spark_with(tmp_path, f"echo $SPARK_SUBMIT_OPTS > {tmp_path}/told; exit 1")
    with pytest.raises(EnvironmentNotReadyError):
        jars.s3a_jars(tmp_path / "kept", spark)
    assert (tmp_path / "told").read_text().strip() == told
