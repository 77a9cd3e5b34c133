import json
import os

import pytest

from orchard.local.moto.translate import for_moto, function_folders, substituted, translate
from tests.support.paths import ROOT

MINI = ROOT / "tests" / "integration" / "mini_stack" / "template.yaml"


@pytest.fixture(scope="module")
def mini() -> dict:
    return translate(MINI, "eu-west-1")


def test_translation_leaves_plain_cloudformation(mini: dict) -> None:
    types = {resource["Type"] for resource in mini["Resources"].values()}

    assert not any(one.startswith("AWS::Serverless::") for one in types)
    assert mini["Resources"]["Recover"]["Properties"]["Handler"] == "app.lambda_handler"  # from Globals


def test_a_definition_is_put_in_with_its_substitutions_beside_it(mini: dict) -> None:
    properties = mini["Resources"]["Pipeline"]["Properties"]

    assert properties["Definition"] == json.loads((MINI.parent / "pipeline.asl.json").read_text())
    assert properties["DefinitionSubstitutions"]["TopicArn"] == {"Ref": "Notices"}
    assert "DefinitionS3Location" not in properties


def test_translation_needs_no_region_and_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)

    assert translate(MINI, "eu-central-1")["Resources"]


def test_a_profile_that_is_described_nowhere_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")

    assert translate(MINI, "eu-west-1")["Resources"]
    assert os.environ["AWS_PROFILE"] == "nobody"


def test_moto_gets_functions_without_packages_and_layers(mini: dict) -> None:
    resources = for_moto(mini)["Resources"]

    assert "Layers" in mini["Resources"]["Start"]["Properties"]  # the argument is as it was
    assert "Layers" not in resources["Start"]["Properties"]
    assert set(resources["Start"]["Properties"]["Code"]) == {"ZipFile"}
    assert "AWS::Lambda::LayerVersion" not in {resource["Type"] for resource in resources.values()}
    assert set(resources["Pipeline"]["Properties"]["DefinitionString"]) == {"Fn::Join"}


def test_placeholders_become_pieces_and_the_rest_stays() -> None:
    definition = {"A": "$$.Execution.Id of ${Bucket}/${Folder}", "B.$": "$.x", "C": "${Unknown}"}

    joined = substituted(definition, {"Bucket": {"Ref": "Results"}, "Folder": True})

    assert joined == {
        "Fn::Join": [
            "",
            ['{"A": "$$.Execution.Id of ', {"Ref": "Results"}, "/", "true", '", "B.$": "$.x", "C": "${Unknown}"}'],
        ]
    }


def test_functions_run_from_their_folders() -> None:
    assert function_folders(MINI) == {
        "Start": MINI.parent / "functions" / "start",
        "Recover": MINI.parent / "functions" / "recover",
    }
