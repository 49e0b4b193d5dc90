"""The hard limits of CONTRIBUTING.md that no linter measures."""

import ast
from pathlib import Path

import pytest

import buffer_connect

PACKAGE = Path(buffer_connect.__file__).parent
MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.parent.name != "migrations"]
MODULE_LINES = 350
FUNCTION_LINES = 40
POSITIONAL_PARAMETERS = 5
# The signature of requests' HTTPAdapter.send.
OF_OTHERS = {"send"}

every_module = pytest.mark.parametrize(
    "path", MODULES, ids=[str(path.relative_to(PACKAGE)) for path in MODULES]
)


def functions(path):
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def parameters(function):
    named = [*function.args.posonlyargs, *function.args.args]
    return [argument for argument in named if argument.arg not in {"self", "cls"}]


@every_module
def test_a_module_fits_the_house(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MODULE_LINES


@every_module
def test_its_functions_fit_a_screen(path):
    long = [f.name for f in functions(path) if f.end_lineno - f.lineno >= FUNCTION_LINES]
    assert long == []


@every_module
def test_its_functions_take_few_positional_parameters(path):
    greedy = {f.name for f in functions(path) if len(parameters(f)) > POSITIONAL_PARAMETERS}
    assert greedy - OF_OTHERS == set()
