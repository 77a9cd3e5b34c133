"""What the documents tell people to type does what they say."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pyarrow.parquet as pq
import pytest

from orchard.features.model import ModelFolder
from orchard.layout import RunFiles
from orchard.local.cloud import LocalCloud
from tests.support.cloud.in_process import InProcessRunner
from tests.support.cloud.mini import STACK
from tests.support.documents import NOTEBOOK, blocks
from tests.support.paths import ROOT
from tests.support.pictures.drawn import draw_fruit
from tests.support.waiting import PATIENCE


@pytest.mark.slow
def test_the_notebook_opens_every_file_of_the_run_that_its_command_names(run: RunFiles, tmp_path: Path) -> None:
    """The command that it prints, but that its cells are executed instead of shown; both begin in its own folder."""
    [command] = re.findall(r"^ORCHARD_RUN=\S+ .*$", said_by(NOTEBOOK, "source"), re.MULTILINE)
    for name in ("template.yaml", NOTEBOOK.relative_to(ROOT).as_posix()):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    folder = tmp_path / re.findall(r"ORCHARD_RUN=(\S+)", command)[0]
    folder.parent.mkdir()
    folder.symlink_to(run.base)
    typed = command.replace("jupyter lab", f"jupyter execute --inplace --timeout={int(PATIENCE)}")
    done = subprocess.run(["/bin/sh", "-c", typed], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "5 images projected again" in said_by(tmp_path / NOTEBOOK.relative_to(ROOT), "outputs")


def said_by(notebook: Path, part: str) -> str:
    """The texts, or the printed outputs, of a notebook's cells."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    if part == "source":
        return "\n".join("".join(cell["source"]) for cell in cells)
    return "".join("".join(output.get("text", ())) for cell in cells for output in cell.get(part, []))


@pytest.mark.slow
def test_the_examples_of_using_the_components_run(
    run: RunFiles,
    random_model: ModelFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for folder in ("out", "holidays", "home/models"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "out" / "demo").symlink_to(run.base)
    (tmp_path / "home" / "models" / "a-model").symlink_to(random_model.path)
    for mine in ("mine.jpg", "holidays/1.jpg"):
        (tmp_path / mine).write_bytes(draw_fruit("Kiwi", 5))
    monkeypatch.setenv("ORCHARD_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    classifier, alike, asked_about = blocks(ROOT / "docs" / "downstream.md", "python")
    assert len([line for line in classifier.splitlines() if line and not line.startswith(("import", "from"))]) <= 10
    exec(classifier, {})  # noqa: S102 (our own document)
    assert re.search(r"[\d.]+% of the test images are named right", capsys.readouterr().out)
    exec(alike, {})  # noqa: S102
    asked, *others = capsys.readouterr().out.splitlines()
    first = pq.read_table(run.components, columns=["path"]).column("path")[0].as_py()
    assert asked == f"most like {first}:"
    assert len(set(others)) == 5
    assert first not in others
    exec(asked_about, {})  # noqa: S102
    told = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in told if line.endswith("% sure")] == ["mine.jpg", "holidays/1.jpg"]
    assert len(told) == 2 * (1 + 5)


@pytest.mark.slow
def test_the_tutorials_aws_commands_prepare_an_account(cloud: LocalCloud, tmp_path: Path) -> None:
    """As they stand, but for what the reader has to fill in."""
    lines = [line for block in blocks(ROOT / "docs" / "tutorial.md", "") for line in block.splitlines()]
    role, upload = [line for line in lines if line.startswith("aws ")]
    aws = {**os.environ, **cloud.environment, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def typed(command: str) -> str:
        done = subprocess.run(shlex.split(command), cwd=tmp_path, env=aws, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "elasticmapreduce.amazonaws.com" in typed(role)
    (tmp_path / "fruits.zip").write_bytes(b"words")
    bucket = cloud.outputs["InputBucketName"]
    typed(upload.replace("orchard-input-<account>-eu-west-1", bucket))
    assert boto3.client("s3").list_objects_v2(Bucket=bucket)["Contents"][0]["Key"] == "fruits.zip"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with LocalCloud(STACK, tmp_path_factory.mktemp("home"), runner=InProcessRunner) as running:
        yield running
