"""From `template.yaml` to plain CloudFormation, as the SAM transform does it in AWS: for the local cloud and for lint.

`translate` is what AWS would make of the template; `for_moto` is what has to be different for moto 5.2.5.
"""

from __future__ import annotations

import json
import os
import re
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from orchard.local.moto.patching import entries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Template = dict[str, Any]

_DUMMY = "s3://orchard-not-packaged/{}"
"""Stands for what `sam package` would upload; a valid bucket name, or lint complains about it."""

_PACKAGED = {
    "AWS::CloudFormation::Stack": "TemplateURL",
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Serverless::StateMachine": "DefinitionUri",
}


@dataclass(frozen=True)
class StackSource:
    """What stack a cloud is made of.

    Attributes:
        parameters: Values for the template's parameters, by name.
        layers: The folders of layers whose content is not where the template says, by logical id.
    """

    template: Path
    name: str = "orchard"
    region: str = "eu-west-1"
    parameters: Mapping[str, str] = field(default_factory=dict)
    layers: Mapping[str, Path] = field(default_factory=dict)


def load(template: Path) -> Template:
    """Read a SAM template, short intrinsics (`!Ref`) written out."""
    parsed: Template = json.loads(_as_json(template.read_text(encoding="utf-8")))
    return parsed


@cache
def _as_json(text: str) -> str:
    """A template's YAML, which takes half a second to read, and is read for three purposes."""
    from samcli.yamlhelper import yaml_parse

    return json.dumps(yaml_parse(text))


def translate(template: Path, region: str) -> Template:
    """Translate a SAM template, state machine definitions put in.

    Nothing is read but the template and the definitions it names, and nothing is asked of AWS: so policies have to be
    named by ARN.

    Args:
        region: The region it is for: partitions and endpoints depend on it.

    Returns:
        CloudFormation. A state machine has its `Definition` as an object, and `DefinitionSubstitutions` still to be
        applied; the code of functions and layers, and templates of stacks in the stack, are at addresses in S3 where
        there is nothing.
    """
    import boto3
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    sam = load(template)
    resources: Mapping[str, Template] = sam["Resources"]
    definitions = {}
    for name, resource in resources.items():
        packaged = _PACKAGED.get(resource["Type"])
        if packaged is None:
            continue
        properties = resource.setdefault("Properties", {})
        if packaged == "DefinitionUri":
            definitions[name] = json.loads((template.parent / properties[packaged]).read_text(encoding="utf-8"))
        properties[packaged] = _DUMMY.format(name)
    # nothing is asked of AWS, but a profile that the user has set and not described would stop us all the same
    with entries(os.environ, {"AWS_PROFILE": None, "AWS_DEFAULT_PROFILE": None}):
        session = boto3.Session(region_name=region, aws_access_key_id="none", aws_secret_access_key="none")  # noqa: S106
        translator = Translator({}, Parser(), boto_session=session)
        translated: Template = translator.translate(sam, {})
    translator.metrics.publish()  # to nobody; unpublished, they would end in a warning
    for name, definition in definitions.items():
        properties = translated["Resources"][name]["Properties"]
        del properties["DefinitionS3Location"]
        properties["Definition"] = definition
    return translated


def function_folders(template: Path) -> dict[str, Path]:
    """Where the source of each function is.

    Returns:
        The folder by the function's logical id.
    """
    sam = load(template)
    shared = sam.get("Globals", {}).get("Function", {}).get("CodeUri", ".")
    return {
        name: (template.parent / resource.get("Properties", {}).get("CodeUri", shared)).resolve()
        for name, resource in sam["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def layer_folders(source: StackSource) -> dict[str, Path]:
    """Where the layer of each function that has one is.

    Returns:
        The folder by the function's logical id.
    """
    resources = load(source.template)["Resources"]
    found = {}
    for name, resource in resources.items():
        for layer in resource.get("Properties", {}).get("Layers", []):
            content = resources[layer["Ref"]]["Properties"]["ContentUri"]
            found[name] = source.layers.get(layer["Ref"], (source.template.parent / content).resolve())
    return found


def for_moto(translated: Template) -> Template:
    """Change a translated template to what moto 5.2.5 understands.

    * moto reads a state machine's `DefinitionString` only and ignores `DefinitionSubstitutions`. The two become one
      `Fn::Join`, since moto's `Fn::Sub` would take the `$$` of the states language for an escaped `$`.
    * moto looks for a function's code in S3 and refuses the stack without. Functions run from their source folder
      here, so their code is a comment; a layer is a placeholder, to which others can refer.

    Returns:
        Another template; the argument is unchanged.
    """
    template = deepcopy(translated)
    resources = template["Resources"]
    for resource in resources.values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Lambda::LayerVersion":
            resource["Type"] = "Orchard::Local::Layer"
        elif resource["Type"] == "AWS::Lambda::Function":
            properties["Code"] = {"ZipFile": "# runs from its source folder"}
            properties.pop("Layers", None)
        elif resource["Type"] == "AWS::StepFunctions::StateMachine":
            substitutions = properties.pop("DefinitionSubstitutions", {})
            properties["DefinitionString"] = substituted(properties.pop("Definition"), substitutions)
    return template


def substituted(definition: Template, substitutions: Mapping[str, Any]) -> Template:
    """Put substitutions into a state machine definition, as Step Functions does when the stack is created.

    Placeholders are text: what replaces one is not read as JSON by itself.

    Args:
        substitutions: Values by placeholder, which may be intrinsics.

    Returns:
        A `Fn::Join` that yields the definition's text.
    """
    pieces: list[Any] = []
    position = 0
    text = json.dumps(definition)
    for match in re.finditer(r"\$\{([A-Za-z0-9_]+)\}", text):
        if match[1] in substitutions:
            pieces += [text[position : match.start()], _plain(substitutions[match[1]])]
            position = match.end()
    return {"Fn::Join": ["", [*pieces, text[position:]]]}


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, bool) else value
