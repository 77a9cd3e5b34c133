"""Which calls of AWS a function can make, read off the code: for comparing them with what its role allows."""

import ast
from collections.abc import Iterator
from functools import cache

import botocore.session
from botocore import xform_name

from functions.package import ROOT, reachable_modules

SERVICES = {
    "s3": "s3",
    "emr": "elasticmapreduce",
    "emr-serverless": "emr-serverless",
    "emr-containers": "emr-containers",
    "stepfunctions": "states",
    "sns": "sns",
}
"""The services that `orchard.aws.clients` has clients of, and how the names of their actions begin."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def _operations() -> dict[str, set[str]]:
    """`<service>:<Operation>` by the name of the method of a client: several services may have one of a name."""
    session = botocore.session.get_session()
    found: dict[str, set[str]] = {}
    for service, prefix in SERVICES.items():
        for operation in session.get_service_model(service).operation_names:
            found.setdefault(xform_name(operation), set()).add(f"{prefix}:{operation}")
    return found


@cache
def calls_of(function: str) -> frozenset[str]:
    """The operations that a Lambda function can come to, through whatever it may call by name.

    A method counts as called when anything of its name is, so this is rather too much than too little.
    """
    app = ROOT / "functions" / function / "app.py"
    trees = [ast.parse(file.read_text()) for file in (app, *(ROOT / module for module in reachable_modules(app)))]
    definitions: dict[str, list[Definition]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            for inner in getattr(node, "body", []) if isinstance(node, ast.Module | ast.ClassDef) else []:
                if isinstance(inner, Definition):
                    of_a_class = isinstance(node, ast.ClassDef)
                    definitions.setdefault(f".{inner.name}" if of_a_class else inner.name, []).append(inner)
    found: set[str] = set()
    seen: set[int] = set()
    pending: list[ast.AST] = [trees[0]]
    while pending:
        node = pending.pop()
        if id(node) not in seen:
            seen.add(id(node))
            found |= set(_operations_in(node))
            pending += [definition for name in _names(node) for definition in definitions.get(name, [])]
    return frozenset(found)


def _names(node: ast.AST) -> Iterator[str]:
    """What a piece of code names: `name`, and for an attribute both `name` and `.name`, as it may be a module's."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            yield inner.id
        elif isinstance(inner, ast.Attribute):
            yield from (inner.attr, f".{inner.attr}")


def _operations_in(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
            name = inner.func.attr
            if name == "get_paginator" and isinstance(inner.args[0], ast.Constant):
                name = str(inner.args[0].value)
            if name in _operations():
                yield from _operations()[name]
