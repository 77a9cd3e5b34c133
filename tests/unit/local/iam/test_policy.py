"""Policies judge requests as IAM says that they do."""

# ruff: noqa: ANN401 (JSON)

from typing import Any

import pytest

from orchard.local.iam.policy import Decision, Request, decide

OBJECT = "arn:aws:s3:::fruits/runs/r1/a:b.zip"
CLUSTER = "arn:aws:elasticmapreduce:eu-west-1:123456789012:cluster/j-1"


def request(action: str = "s3:GetObject", resource: str = OBJECT, **context: str) -> Request:
    return Request("reader", action, resource, tuple((key.replace("__", ":"), one) for key, one in context.items()))


def allow(**elements: Any) -> dict[str, Any]:
    return {"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"} | elements


def allowed(statement: dict[str, Any], asked: Request) -> bool:
    return decide([statement], asked).allowed


def test_nothing_is_allowed_that_no_statement_allows() -> None:
    assert decide([], request()) == Decision(False)
    assert decide([allow(Action="s3:PutObject")], request()) == Decision(False)
    assert decide([allow(Action="s3:PutObject"), allow()], request()) == Decision(True, "Read")


def test_one_denial_outweighs_every_permission() -> None:
    assert decide([allow(), allow(Sid="Never", Effect="Deny")], request()) == Decision(False, "Never")


@pytest.mark.parametrize(
    ("action", "is_allowed"),
    [
        ("s3:GetObject", True),
        ("S3:getobject", True),
        (["s3:PutObject", "s3:GetObject"], True),
        ("s3:Get*", True),
        ("s3:Get?bject", True),
        ("*", True),
        ("s3:GetObjectVersion", False),
        ("s3:Get", False),
        ([], False),
    ],
)
def test_actions_have_wildcards_and_no_case(action: Any, is_allowed: bool) -> None:
    assert allowed(allow(Action=action), request()) == is_allowed


@pytest.mark.parametrize(
    ("resource", "is_allowed"),
    [
        (OBJECT, True),
        ("arn:aws:s3:::fruits/*", True),
        ("arn:aws:s3:::*", True),
        ("arn:*:s3:::fruits/runs/*/a:b.zip", True),
        (["arn:aws:s3:::pears/*", "arn:aws:s3:::fruits/runs/*"], True),
        ("arn:aws:s3:::fruits", False),
        ("arn:aws:s3:::Fruits/*", False),
        ("arn:aws:s3:::fruits/run?", False),
        ("arn:aws:sns:*:*:*", False),
    ],
)
def test_resources_have_wildcards_within_each_part_of_the_arn(resource: Any, is_allowed: bool) -> None:
    assert allowed(allow(Resource=resource), request()) == is_allowed


def test_a_wildcard_is_no_expression_and_a_line_break_is_a_character() -> None:
    assert not allowed(allow(Resource="arn:aws:s3:::fruits/a.b"), request(resource="arn:aws:s3:::fruits/aXb"))
    assert allowed(allow(Resource="arn:aws:s3:::fruits/*"), request(resource="arn:aws:s3:::fruits/a\nb"))


def test_what_is_not_named_may_be_meant() -> None:
    but_for = {"Sid": "Rest", "Effect": "Allow", "NotAction": "iam:*", "NotResource": CLUSTER}
    assert allowed(but_for, request())
    assert not allowed(but_for, request("iam:PassRole"))
    assert not allowed(but_for, request(resource=CLUSTER))


TAG = "elasticmapreduce:ResourceTag/orchard:stack"


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "holds"),
    [
        ("StringEquals", "orchard", "orchard", True),
        ("StringEquals", ["pear", "orchard"], "orchard", True),
        ("StringEquals", "orch*", "orchard", False),
        ("StringEquals", "orchard", None, False),
        ("StringEqualsIfExists", "orchard", None, True),
        ("StringEqualsIfExists", "orchard", "pear", False),
        ("StringEqualsIgnoreCase", "Orchard", "orchard", True),
        ("StringNotEquals", ["pear", "orchard"], "orchard", False),
        ("StringNotEquals", "pear", "orchard", True),
        ("StringNotEquals", "pear", None, True),
        ("StringLike", "orch*", "orchard", True),
        ("StringNotLike", "orch*", "orchard", False),
        ("ArnLike", "arn:aws:s3:::fruits/*", OBJECT, True),
        ("ArnEquals", "arn:aws:sns:*:*:*", OBJECT, False),
        ("ArnNotLike", "arn:aws:sns:*:*:*", OBJECT, True),
        ("Bool", False, "false", True),
        ("Bool", "true", "false", False),
        ("Null", "true", None, True),
        ("Null", True, "orchard", False),
    ],
)
def test_conditions(operator: str, wanted: Any, value: str | None, holds: bool) -> None:
    asked = Request("reader", "s3:GetObject", OBJECT, () if value is None else ((TAG.upper(), value),))
    assert allowed(allow(Condition={operator: {TAG: wanted}}), asked) == holds


def test_all_conditions_of_a_statement_have_to_hold() -> None:
    both = allow(Condition={"StringEquals": {"aws:A": "1", "aws:B": "2"}, "Bool": {"aws:C": "true"}})
    assert allowed(both, request(aws__A="1", aws__B="2", aws__C="true"))
    assert not allowed(both, request(aws__A="1", aws__B="2", aws__C="false"))
    assert not allowed(both, request(aws__A="1", aws__C="true"))


@pytest.mark.parametrize("operator", ["DateLessThan", "ForAllValues:StringEquals"])
def test_an_operator_that_is_not_understood_says_so(operator: str) -> None:
    with pytest.raises(ValueError, match=operator):
        decide([allow(Condition={operator: {"aws:A": "1"}})], request(aws__A="1"))


def test_a_denial_is_told_as_iam_tells_it() -> None:
    told = Decision(False).denial(request(), "123456789012")
    assert told == (
        "User: arn:aws:sts::123456789012:assumed-role/reader/local is not authorized to perform: s3:GetObject"
        f" on resource: {OBJECT} because no identity-based policy allows the s3:GetObject action"
    )
    assert Decision(False, "Never").denial(request(), "1").endswith("with an explicit deny in an identity-based policy")
