"""The permissions of a translated template, one statement at a time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Template = Mapping[str, Any]


@dataclass(frozen=True)
class Statement:
    """A statement of a policy that a role has.

    Attributes:
        owner: The logical id of the role or managed policy.
        sid: Its own name.
        body: The statement as the template has it.
    """

    owner: str
    sid: str
    body: Mapping[str, Any]

    @property
    def name(self) -> str:
        """`<owner>.<sid>`."""
        return f"{self.owner}.{self.sid}"

    @property
    def actions(self) -> list[str]:
        """What it allows."""
        return listed(self.body.get("Action", []))

    @property
    def resources(self) -> list[str]:
        """On what, each as text: intrinsics as they are written in a `Fn::Sub`."""
        return [as_text(one) for resource in listed(self.body.get("Resource", [])) for one in either(resource)]


def of_type(template: Template, type_: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The resources of a type: logical id and properties."""
    for name, resource in template["Resources"].items():
        if resource["Type"] == type_:
            yield name, resource.get("Properties", {})


def statements(template: Template) -> Iterator[Statement]:
    """All statements that roles have: their own, those put apart, and those of managed policies in the template."""
    for name, resource in template["Resources"].items():
        owner = name
        properties = resource.get("Properties", {})
        documents = []
        if resource["Type"] == "AWS::IAM::Role":
            documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        elif resource["Type"] == "AWS::IAM::ManagedPolicy":
            documents = [properties["PolicyDocument"]]
        elif resource["Type"] == "AWS::IAM::RolePolicy":
            owner, documents = properties["RoleName"]["Ref"], [properties["PolicyDocument"]]
        for document in documents:
            yield from (Statement(owner, one.get("Sid", "?"), one) for one in document["Statement"])


def listed(value: object) -> list[Any]:
    """A list, of one thing if it is none yet: policies may write either."""
    return value if isinstance(value, list) else [value]


def either(value: object) -> list[Any]:
    """What a value may come to: both of what a condition chooses between."""
    match value:
        case {"Fn::If": [_, one, other]}:
            return [*either(one), *either(other)]
    return [value]


def as_text(value: object) -> str:
    """A value as it would stand in a `Fn::Sub`: `${Name}`, `${Name.Attribute}`, or the text of the `Fn::Sub`."""
    match value:
        case str():
            return value
        case {"Ref": str(name)}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Sub": str(text)} | {"Fn::Split": [_, {"Fn::Sub": [str(text), _]}]}:  # a list of the same form
            return text
    return json.dumps(value, sort_keys=True)
