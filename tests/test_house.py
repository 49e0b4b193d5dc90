"""The hard limits of CONTRIBUTING.md that no linter measures."""

import ast
from pathlib import Path

import buffer_connect

PACKAGE = Path(buffer_connect.__file__).parent
MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.parent.name != "migrations"]
MODULE_LINES = 350
FUNCTION_LINES = 40
POSITIONAL_PARAMETERS = 5
# The signature of requests' HTTPAdapter.send.
OF_OTHERS = {"send"}

FUNCTIONS = [
    (path, node)
    for path in MODULES
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
]


def parameters(function):
    named = [*function.args.posonlyargs, *function.args.args]
    return [argument for argument in named if argument.arg not in {"self", "cls"}]


def test_every_module_fits_the_house():
    long = [p for p in MODULES if len(p.read_text(encoding="utf-8").splitlines()) > MODULE_LINES]
    assert long == []


def test_every_function_fits_a_screen():
    long = [(path, f.name) for path, f in FUNCTIONS if f.end_lineno - f.lineno >= FUNCTION_LINES]
    assert long == []


def test_every_function_takes_few_positional_parameters():
    greedy = {f.name for _, f in FUNCTIONS if len(parameters(f)) > POSITIONAL_PARAMETERS}
    assert greedy - OF_OTHERS == set()
