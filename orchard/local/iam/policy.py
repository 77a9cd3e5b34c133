"""What a role's policies say to a request, as IAM decides it ("Policy evaluation logic", IAM user guide): pure.

Identity-based policies only, which is what a stack gives to its roles. Values of conditions that are policy variables
(`${aws:…}`) and operators other than those of `_OPERATORS` are not understood, and say so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Statement = Mapping[str, Any]

_ARN_PARTS = 6


@dataclass(frozen=True)
class Request:
    """Something that a role asks for.

    Attributes:
        action: `s3:GetObject`, say.
        resource: The ARN of what it is asked of; `*` for actions that know no resources.
        context: Condition keys of the request and their values, `(("iam:PassedToService", "ec2.amazonaws.com"),)` say.
    """

    role: str
    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Decision:
    """What the policies say.

    Attributes:
        allowed: Whether the request may be answered.
        by: The `Sid` of the statement that allows it, or forbids it; "" where none says anything.
    """

    allowed: bool
    by: str = ""

    def denial(self, request: Request, account: str) -> str:
        """How IAM tells the one who asked that this is not allowed."""
        caller = f"arn:aws:sts::{account}:assumed-role/{request.role}/local"
        refusal = f"User: {caller} is not authorized to perform: {request.action} on resource: {request.resource}"
        if self.by:
            return f"{refusal} with an explicit deny in an identity-based policy"
        return f"{refusal} because no identity-based policy allows the {request.action} action"


def decide(statements: Iterable[Statement], request: Request) -> Decision:
    """Judge a request: one statement must allow it, and none may deny it.

    Args:
        statements: Those of all policies of the role, intrinsics resolved.

    Raises:
        ValueError: A condition has an operator that is not understood.
    """
    meant = [one for one in statements if _is_meant(one, request)]
    for effect in ("Deny", "Allow"):
        for one in meant:
            if one["Effect"] == effect:
                return Decision(effect == "Allow", one.get("Sid", "a statement without a name"))
    return Decision(False)


def _is_meant(statement: Statement, request: Request) -> bool:
    return (
        _named(statement, "Action", lambda pattern: _glob(pattern.lower(), request.action.lower()))
        and _named(statement, "Resource", lambda pattern: _arn(pattern, request.resource))
        and _conditions_hold(statement.get("Condition", {}), request.context)
    )


def _named(statement: Statement, element: str, is_like: Callable[[str], bool]) -> bool:
    """Whether an element names something like this, or its `Not…` does not."""
    if element in statement:
        return any(map(is_like, _listed(statement[element])))
    return not any(map(is_like, _listed(statement[f"Not{element}"])))


def _conditions_hold(conditions: Mapping[str, Mapping[str, Any]], context: Iterable[tuple[str, str]]) -> bool:
    values = {key.lower(): value for key, value in context}
    return all(
        _condition_holds(operator, values.get(key.lower()), _listed(wanted))
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _condition_holds(operator: str, value: str | None, wanted: Sequence[str]) -> bool:
    name = operator.removesuffix("IfExists")
    if name == "Null":
        return str(value is None).lower() in [one.lower() for one in wanted]
    plain = name.replace("Not", "", 1)
    if plain not in _OPERATORS:
        raise ValueError(f"the condition operator {operator} is not understood")
    if value is None:
        return name != operator or plain != name
    return any(_OPERATORS[plain](one, value) for one in wanted) == (plain == name)


def _arn(pattern: str, arn: str) -> bool:
    """Whether an ARN is like a pattern: each of its six parts by itself, the last one with its colons."""
    wanted, found = pattern.split(":", _ARN_PARTS - 1), arn.split(":", _ARN_PARTS - 1)
    if len(wanted) != len(found):
        return _glob(pattern, arn)
    return all(map(_glob, wanted, found))


def _glob(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    escaped = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(escaped, re.DOTALL)


def _listed(value: Any) -> list[str]:
    """A list of texts, of one if it is none yet: policies may write either, and `true` for `"true"`."""
    values = value if isinstance(value, list) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values]


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringEqualsIgnoreCase": lambda wanted, value: wanted.lower() == value.lower(),
    "StringLike": _glob,
    "ArnEquals": _arn,
    "ArnLike": _arn,
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
}
"""The operators, each also with `Not` in its name and `IfExists` behind it; of these, `StringNotEquals`, …"""
