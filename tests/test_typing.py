"""The site in `tests/typing`, which mypy checks, uses every name that `docs/reference` tells."""

import ast
import importlib
import tomllib
from pathlib import Path

import pytest

from buffer_connect.models import BufferLink, LinkEvent
from tests import typing
from tests.documents import CHECKOUT, names, reference
from tests.test_reference import EXCEPTIONS, INTERFACE, told_by

SITE = sorted(Path(typing.__file__).parent.glob("*.py"))
MODELS, EVENTS = reference("models"), reference("events")


def names_in(node):
    """What a piece of code says by name or as a parameter; and a text, in quotes."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=name):
            return [name]
        case ast.arg(arg=name) | ast.alias(name=name):
            return [name]
        case ast.MatchClass(kwd_attrs=attributes):
            return attributes
        case ast.Constant(value=str(text)):
            return [repr(text)]
    return []


USED = {
    name
    for path in SITE
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    for name in names_in(node)
}


def told():
    """Every public name, with the page of the reference that tells it."""
    for module, document in INTERFACE:
        yield from ((document, name) for name, _ in told_by(module))
    errors = reference("exceptions")
    for error in EXCEPTIONS:
        told_of_it = [error.__name__, *names(errors.fact(error.__name__, "Attributes"))]
        yield from ((errors, name) for name in told_of_it)
    for choices in (BufferLink.Status, BufferLink.Reason):
        yield from ((MODELS, name) for name in choices.names)
    yield from ((EVENTS, name) for name in [*LinkEvent.Kind.names, *EVENTS.table("Fields")])
    yield from ((MODELS, name) for name in [*MODELS.table("BufferLink"), *calls("Querysets")])
    yield from ((MODELS, name) for name in ("adopt", "has_scopes", "missing_scopes"))
    signals = reference("signals")
    for signal, (arguments, *_) in signals.table("Signals").items():
        told_of_it = [signal, *names(arguments)]
        yield from ((signals, name) for name in told_of_it)
    tasks = reference("tasks")
    yield from ((tasks, name.rpartition(".")[2]) for name in tasks.table("Tasks"))
    yield from ((reference("urls"), repr(name)) for name in reference("urls").table("URLs"))
    yield reference("prompts"), "ReconnectMiddleware"
    testing = reference("testing")
    for table in ("What it was sent", "Post", "SentRequest", "Fixtures"):
        yield from ((testing, name) for cell in testing.table(table) for name in names(cell))


def calls(heading):
    return [call.partition("(")[0] for call in MODELS.table(heading)]


def test_the_site_uses_what_the_reference_tells():
    names = {(str(document), name) for document, name in told()}
    assert len(names) > 100
    assert sorted((document, name) for document, name in names if name not in USED) == []


@pytest.mark.parametrize("path", SITE, ids=lambda path: path.stem)
def test_the_site_can_be_imported(path):
    assert importlib.import_module(f"tests.typing.{path.stem}")


def test_mypy_reads_the_site_as_strictly_as_it_can():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    mypy = project["tool"]["mypy"]
    assert (mypy["strict"], "tests/typing" in mypy["files"]) == (True, True)
