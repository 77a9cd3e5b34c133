"""docs/emr.md in both languages: nothing that EMR offers is passed over, and what it names of the template is there."""

import re
from pathlib import Path

import pytest

from tests.support.documents import code
from tests.support.paths import ROOT
from tests.support.stack.template import sam

PAGES = [ROOT / "docs" / "emr.md", ROOT / "docs" / "emr.fr.md"]
OFFERED = [
    *("Serverless", "EKS", "Outposts", "release label", "master", "core", "task", "Spot", "fleet", "Graviton", "AMI"),
    *("EBS", "step", "Spark", "Hadoop", "Hive", "Presto", "Trino", "HBase", "Flink", "Oozie", "TensorFlow", "Livy"),
    *("EMR Studio", "notebook", "JupyterHub", "Zeppelin", "SageMaker Studio", "HDFS", "EMRFS", "S3A", "S3DistCp"),
    *("Glue", "metastore", "Iceberg", "IMDSv2", "SSH", "Kerberos", "Lake Formation", "Ranger", "VPC", "CloudWatch"),
    *("CloudTrail", "EventBridge", "Step Functions", "Airflow", "Data Pipeline"),
]
"""What introductions to EMR list, by the words that both languages have for it."""

NAMES_OF_AWS = {"RunJobFlow"}


def rows(page: Path) -> list[list[str]]:
    """The cells of each row, but for the heads of tables."""
    lines = re.findall(r"^\| (.*) \|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    cells = [line.split(" | ") for line in lines]
    return [row for row in cells if row[1] not in ("here", "ici")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.parametrize("offer", OFFERED)
def test_what_emr_offers_has_a_row(page: Path, offer: str) -> None:
    assert [named for named, _ in rows(page) if offer.casefold() in named.casefold()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_it_names_of_the_template_is_there(page: Path) -> None:
    template = sam()
    known = {*template["Parameters"], *template["Resources"]} | NAMES_OF_AWS
    named = {word for one in code(page) for word in re.findall(r"`(?:[a-z -]* )?([A-Z]\w+[a-z]\w*)(?:=[^`]*)?`", one)}
    assert len(named) > 20
    assert named <= known


def test_both_languages_have_the_same_rows() -> None:
    english, french = (rows(page) for page in PAGES)
    assert len(english) == len(french) > 70
    files = [[re.findall(r"\]\(([^)]+)\)", cell) for cell in row] for row in english]
    assert files == [[re.findall(r"\]\(([^)]+)\)", cell) for cell in row] for row in french]
