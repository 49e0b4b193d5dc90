"""Which statements the package has ready."""

import importlib
import pkgutil
from collections.abc import Mapping

from buffer_connect.models import statements
from buffer_connect.models.statements.statement import Statement
from tests.mutation.mutants import key_of


def kept():
    """Return the keys of the statements that the package has ready, by name."""
    found = {}
    for module in pkgutil.iter_modules(statements.__path__, f"{statements.__name__}."):
        for name, value in vars(importlib.import_module(module.name)).items():
            for label, statement in _statements_in(name.strip("_"), value):
                found.setdefault(
                    key_of(statement.text), f"{module.name.rpartition('.')[2]}.{label}"
                )
    return {name: key for key, name in found.items()}


def _statements_in(name, value):
    match value:
        case Statement():
            yield name, value
        case Mapping():
            for key, inner in value.items():
                yield from _statements_in(f"{name}[{key}]", inner)
        case list() | tuple():
            for key, inner in enumerate(value):
                yield from _statements_in(f"{name}[{key}]", inner)
