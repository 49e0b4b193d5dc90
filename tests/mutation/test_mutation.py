"""What is left out of the statements: every condition, one at a time, and nothing else."""

import ast
import re

import pytest
from django.db import connection

from buffer_connect.models import ServiceState
from buffer_connect.models.statements.statement import Statement
from tests.mutation.explained import EVERYWHERE, EXPLAINED
from tests.mutation.fences import FENCES, PACKAGE, conditions, gaps_of, open_gap
from tests.mutation.mutants import Mutant, key_of, mutants_of
from tests.mutation.statements import kept
from tests.mutation.terms import FALSE, TRUE, parts_of, without

KEPT = kept()
# As `explained` names them.
MUTANTS = {name: mutants_of(key) for name, key in KEPT.items()}
MUTANTS |= {name: gaps_of(name) for name in FENCES}
CONDITIONS = [(name, *mutant[1:]) for name, found in MUTANTS.items() for mutant in found]
TWO_ROWS = """
UPDATE link SET a = 1 WHERE lease_until > {now} AND
  ((id = %(pk0)s AND epoch = %(epoch0)s) OR (id = %(pk1)s AND epoch = %(epoch1)s))
RETURNING id, epoch
"""


def left_out(text):
    return [(part.term, part.instead) for part in parts_of(text)]


def test_what_all_must_hold_counts_as_true():
    assert left_out("UPDATE link SET a = 1 WHERE b = 2 AND c = 3 RETURNING d") == [
        ("b = 2", TRUE),
        ("c = 3", TRUE),
    ]


def test_what_one_of_must_hold_counts_as_false():
    assert left_out("SELECT a FROM link WHERE b AND (c IS NULL OR d AND e) ORDER BY a") == [
        ("b", TRUE),
        ("(c IS NULL OR d AND e)", TRUE),
        ("c IS NULL", FALSE),
        ("d AND e", FALSE),
        ("d", TRUE),
        ("e", TRUE),
    ]


def test_a_case_is_taken_always_and_never():
    text = "UPDATE link SET a = CASE WHEN b = 'x AND y' THEN 1 ELSE 2 END"
    assert left_out(text) == [("b = 'x AND y'", FALSE), ("b = 'x AND y'", TRUE)]


def test_what_is_asked_of_other_rows_is_left_out_too():
    text = "SELECT a FROM link WHERE id IN (1, 2) AND NOT EXISTS (SELECT 1 FROM b WHERE c AND d)"
    assert left_out(text) == [
        ("id IN (1, 2)", TRUE),
        ("NOT EXISTS (SELECT 1 FROM b WHERE c AND d)", TRUE),
        ("c", TRUE),
        ("d", TRUE),
    ]


def test_parentheses_of_values_are_no_conditions():
    assert left_out("SELECT a FROM b WHERE (c + d) > 1 AND e BETWEEN 1 AND 2") == [
        ("(c + d) > 1", TRUE),
        ("e BETWEEN 1 AND 2", TRUE),
    ]


def test_the_rest_of_the_text_stays():
    text = "UPDATE link SET a = 1 WHERE b = 2 AND c = 3"
    assert without(text, parts_of(text)[:1]) == "UPDATE link SET a = 1 WHERE 1 = 1 AND c = 3"


def test_a_text_for_several_rows_is_the_one_for_one_row():
    key = (
        "UPDATE link SET a = 1 WHERE lease_until > {now} AND ((id = %(pk)s AND epoch = %(epoch)s))"
    )
    assert key_of(TWO_ROWS) == key
    mutant = next(each for each in mutants_of(key) if each.term == "epoch = %(epoch)s")
    assert mutant.applied_to(TWO_ROWS).count("epoch = ") == 0
    assert mutant.applied_to(TWO_ROWS).count("id = ") == 2


def test_another_statement_stays_as_it_is():
    text = "SELECT a FROM link WHERE b = 2"
    assert Mutant("SELECT a FROM service WHERE b = 2", "b = 2", TRUE, 0).applied_to(text) == text


@pytest.mark.long
@pytest.mark.parametrize("name", KEPT)
def test_every_condition_of_a_statement_is_found(name):
    text = re.sub(r"BETWEEN \S+ AND", "BETWEEN", KEPT[name])
    words = re.findall(r"\b(?:WHERE|WHEN|AND|OR)\b", text)
    assert len(mutants_of(KEPT[name])) >= len(words)


@pytest.mark.long
@pytest.mark.skipif(connection.vendor != "sqlite", reason="other databases mind the types")
@pytest.mark.parametrize("name", KEPT)
def test_every_mutant_is_sql(db, name):
    values = {
        value: 1
        for value in re.findall(r"%\((\w+)\)s|\{now:.(\w+)\}", KEPT[name])
        for value in value
    }
    for mutant in mutants_of(KEPT[name]):
        statement = Statement(mutant.applied_to(KEPT[name]))
        sql, params = statement.bound(connection, values | {"ids": [1, 2]})
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {sql}", params)


@pytest.mark.parametrize("condition", EXPLAINED)
def test_every_proof_is_of_one_condition(condition):
    assert CONDITIONS.count(condition) == 1


@pytest.mark.parametrize("term", EVERYWHERE)
def test_what_is_proved_everywhere_stands_somewhere(term):
    assert term in {each for _, each, *_ in CONDITIONS}


def test_of_the_orm_each_argument_and_each_step_is_left_out():
    text = "def f(): rows.active().filter(Q(a=1) | Q(b=2), *c, **d).exclude(e=3).update(f=4)"
    assert [term for term, _ in conditions(ast.parse(text))] == [
        "active()",
        "a=1",
        "b=2",
        "Q(a=1) | Q(b=2)",
        "*c",
        "**d",
        "e=3",
    ]


@pytest.mark.parametrize(
    ("number", "left"),
    [(0, "rows.all().filter(Q(a=1) & b)"), (1, "rows.active().filter(Q() & b)")],
)
def test_the_rest_of_the_function_stays(number, left):
    function = ast.parse("rows.active().filter(Q(a=1) & b)")
    _, leave_out = list(conditions(function))[number]
    leave_out()
    assert ast.unparse(function) == left


def test_whoever_has_the_function_runs_it_without_the_condition(db, monkeypatch):
    put = type(ServiceState.objects.all()).put
    monkeypatch.setattr(put, "__code__", put.__code__)
    ServiceState.objects.create(name="brake")
    open_gap(gaps_of("models.service:ServiceStateQuerySet.put")[0])
    ServiceState.objects.put("breaker", key="of all")
    assert ServiceState.objects.get().key == "of all"


def writers():
    """Return every function that writes rows by the ORM on a condition."""
    for folder in "flows", "models":
        for file in (PACKAGE / folder).rglob("*.py"):
            module = ".".join(file.relative_to(PACKAGE).with_suffix("").parts)
            for name, function in functions_in(ast.parse(file.read_text(encoding="utf-8"))):
                if writes(function) and list(conditions(function)):
                    yield f"{module}:{name}"


def functions_in(tree, prefix=""):
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from functions_in(node, f"{node.name}.")
        if isinstance(node, ast.FunctionDef):
            yield prefix + node.name, node


def writes(function):
    calls = {
        getattr(each.func, "attr", "")
        for each in ast.walk(function)
        if isinstance(each, ast.Call) and not each.args
    }
    return not calls.isdisjoint({"update", "delete"})


def test_every_function_that_writes_on_a_condition_is_a_fence():
    assert set(writers()) <= set(FENCES)
