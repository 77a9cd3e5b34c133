"""The jars that let Spark read `s3://` through S3A: hadoop-aws, as old as the Hadoop that PySpark bundles."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from contextlib import suppress
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from orchard.cache import lifeline
from orchard.cache.held import held_folder
from orchard.errors import EnvironmentNotReadyError, installing

GROUP = "org.apache.hadoop"
ARTIFACT = "hadoop-aws"
_PATIENCE = 900
"""Seconds that a download of 275 MB may take."""


def spark_home() -> Path:
    """The Spark inside the installed PySpark.

    Raises:
        EnvironmentNotReadyError: PySpark is not installed.
    """
    found = importlib.util.find_spec("pyspark")  # importing it takes seconds
    if found is None or found.origin is None:
        raise EnvironmentNotReadyError("PySpark is missing", f"{sys.executable} cannot import it", installing("local"))
    return Path(found.origin).parent


def hadoop_version(spark: Path) -> str:
    """The version of the Hadoop client that a Spark bundles.

    Returns:
        The version, `3.3.4` say. S3A only works with the very same one.

    Raises:
        EnvironmentNotReadyError: There is no Hadoop client in it.
    """
    for jar in sorted((spark / "jars").glob("hadoop-client-api-*.jar")):
        return jar.stem.removeprefix("hadoop-client-api-")
    raise EnvironmentNotReadyError(
        "This Spark has no Hadoop client", f"nothing in {spark / 'jars'}", installing("local")
    )


def check_java() -> None:
    """Make sure that there is a Java that Spark 3.5 runs on.

    Raises:
        EnvironmentNotReadyError: There is none, or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    where = f"in JAVA_HOME, {home}" if home else "on the PATH"
    reason = _unfit(str(Path(home) / "bin") if home else None, where)
    if reason is None:
        return
    if home and _unfit(None, "on the PATH") is None:
        raise EnvironmentNotReadyError(
            "Spark 3.5 does not run on the Java in JAVA_HOME",
            f"{reason}; {shutil.which('java')} on the PATH is suitable",
            "unset JAVA_HOME",
        )
    install = "install Java 17 (openjdk-17-jre-headless) and set JAVA_HOME if java is not on the PATH"
    raise EnvironmentNotReadyError("Spark 3.5 needs Java 8, 11 or 17", reason, install)


def _unfit(path: str | None, where: str) -> str | None:
    """Why the Java on a search path is none for Spark; None if it is one."""
    java = shutil.which("java", path=path)
    if java is None:
        return f"there is no java {where}"
    said = lifeline.run([java, "-version"]).stderr.strip()
    version = re.search(r'version "(?:1\.)?(\d+)', said)
    if version is None:
        return f"{java} is not Java: {said or 'it prints nothing'}"
    return None if int(version[1]) in (8, 11, 17) else f"{java} is Java {version[1]}"


@cache
def java_home() -> Path:
    """The home of the Java that `check_java` has found good."""
    home = os.environ.get("JAVA_HOME")
    if home:
        return Path(home)
    # what is on the PATH may be a script of a version manager's
    command = ["java", "-XshowSettings:properties", "-version"]
    said = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stderr
    return Path(re.findall(r"^ *java\.home = (.+)$", said, re.MULTILINE)[0])


def s3a_jars(folder: Path, spark: Path) -> Path:
    """The folder of S3A's jars; they are fetched once, by Ivy, or else by Maven if that is installed.

    Args:
        folder: Where jars are kept, a folder for each version.

    Returns:
        The folder of the version that this Spark needs.

    Raises:
        EnvironmentNotReadyError: Neither of them could fetch the jars.
    """
    version = hadoop_version(spark)
    complete = folder / version
    if complete.is_dir():
        return complete
    with held_folder(folder) as scratch:
        fetched = scratch / "jars"
        reasons = []
        for fetch in (_with_ivy, _with_maven):
            shutil.rmtree(fetched, ignore_errors=True)
            fetched.mkdir()
            reason = fetch(version, spark, fetched)
            if reason is None:
                with suppress(OSError):  # another process was faster: its jars are the same
                    fetched.rename(complete)
                return complete
            reasons.append(reason)
    raise EnvironmentNotReadyError(
        "The jars for reading s3:// could not be fetched",
        "; ".join(reasons),
        f"put {ARTIFACT} {version} and its dependencies into {complete}, or let this machine reach a Maven repository",
    )


_TELL_JARS = """\
from pyspark.java_gateway import launch_gateway
print("jars:", launch_gateway().jvm.java.lang.System.getProperty("spark.jars"))
"""


def _with_ivy(version: str, spark: Path, into: Path) -> str | None:
    """Have `spark-submit --packages` resolve the jars, in Ivy's own cache; why it failed, or None."""
    script = into.parent / "tell_jars.py"
    script.write_text(_TELL_JARS, encoding="utf-8")
    package = f"{GROUP}:{ARTIFACT}:{version}"
    done = _run(
        [str(spark / "bin" / "spark-submit"), "--master", "local[1]", "--packages", package, str(script)], spark
    )
    found = re.search(r"^jars: (.+)$", done.stdout, re.MULTILINE)
    if done.returncode != 0 or found is None:
        return f"Ivy: {_last_line(done.stderr)}"
    for jar in found[1].split(","):
        source = Path(jar.removeprefix("file://").removeprefix("file:"))
        shutil.copyfile(source, into / source.name)
    return None


def _with_maven(version: str, spark: Path, into: Path) -> str | None:
    """Have Maven copy the jars of a project that only depends on them; why it failed, or None."""
    maven = shutil.which("mvn")
    if maven is None:
        return "Maven: there is no mvn on the PATH"
    project = into.parent / "pom.xml"
    project.write_text(_POM.format(group=GROUP, artifact=ARTIFACT, version=version), encoding="utf-8")
    copy = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={into}"]
    done = _run([maven, "--batch-mode", "--quiet", "--file", str(project), *copy], spark)
    return None if done.returncode == 0 else f"Maven: {_last_line(done.stdout + done.stderr)}"


_POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>orchard</groupId><artifactId>jars</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version></dependency>
  </dependencies>
</project>
"""


def _run(command: list[str], spark: Path) -> subprocess.CompletedProcess[str]:
    env = {
        **os.environ,
        "SPARK_HOME": str(spark),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "SPARK_SUBMIT_OPTS": " ".join(filter(None, (os.environ.get("SPARK_SUBMIT_OPTS"), *java_proxies()))),
        "MAVEN_OPTS": " ".join(filter(None, (os.environ.get("MAVEN_OPTS"), *java_proxies()))),
    }
    env.pop("SPARK_CONF_DIR", None)  # the user's own settings may name a cluster
    try:
        return lifeline.run(command, env=env, timeout=_PATIENCE)
    except subprocess.TimeoutExpired as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def java_proxies() -> list[str]:
    """The user's proxies as options of Java, which does not read `HTTPS_PROXY` and its like."""
    proxies = urllib.request.getproxies()
    options = []
    for scheme in ("http", "https"):
        proxy = urlsplit(proxies.get(scheme, ""))
        if proxy.hostname:
            port = proxy.port or {"https": 443}.get(proxy.scheme, 80)
            options += [f"-D{scheme}.proxyHost={proxy.hostname}", f"-D{scheme}.proxyPort={port}"]
    spared = [host.strip() for host in proxies.get("no", "").split(",") if host.strip()]
    hosts = [f"*{host}" if host.startswith(".") else host for host in ("localhost", "127.*", *spared)]
    return [*options, f"-Dhttp.nonProxyHosts={'|'.join(dict.fromkeys(hosts))}"] if options else []


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it said nothing")
