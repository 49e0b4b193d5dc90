"""`docs/reference` is the public interface: what is there is told, what is told is there."""

import ast
import inspect
import re
import textwrap
from datetime import timedelta
from pathlib import Path

import pytest
from celery import current_app
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.dispatch import Signal

import buffer_connect
from buffer_connect import (
    asgi,
    client,
    conf,
    decorators,
    exceptions,
    middleware,
    responses,
    schedule,
    signals,
    tasks,
    urls,
)
from buffer_connect.models import BufferLink, LinkEvent
from buffer_connect.models.link import BufferLinkQuerySet
from buffer_connect.sealing import generate_entry
from buffer_connect.templatetags import buffer_connect as tags
from buffer_connect.testing import FakeBuffer, Post, SentRequest, buffer, fixtures
from buffer_connect.timing import Timing
from tests.documents import names, reference

PACKAGE = Path(buffer_connect.__file__).parent
SETTINGS = reference("settings")
REQUIRED = {"CLIENT_ID": "a-client", "ENCRYPTION_KEYS": [generate_entry("tests")]}
# The modules whose functions and classes are for sites, and where they stand.
INTERFACE = [
    (asgi, reference("asgi")),
    (client, reference("client")),
    (decorators, reference("prompts")),
    (responses, reference("responses")),
    (schedule, reference("tasks")),
    (buffer, reference("testing")),
]
COMMANDS = sorted(name for name, app in get_commands().items() if app == "buffer_connect")
UNITS = ("SECONDS", "MINUTES", "HOURS")
EXCEPTIONS = [
    value
    for value in vars(exceptions).values()
    if isinstance(value, type) and issubclass(value, exceptions.BufferConnectError)
]


def public(owner):
    """The functions and classes that `owner`, a module or a class, is the first to define."""
    module, inherits = getattr(owner, "__module__", owner.__name__), getattr(owner, "__mro__", ())
    return {
        name: value
        for name, value in vars(owner).items()
        if not name.startswith("_")
        and inspect.isroutine(value) | inspect.isclass(value)
        and inspect.unwrap(value).__module__ == module
        and not any(hasattr(base, name) for base in inherits[1:])
    }


def told_by(module):
    """Each public function, class (by its `__init__`) and method, with the heading it has."""
    for name, value in public(module).items():
        yield name, vars(value).get("__init__", value)
        yield from public(value).items() if inspect.isclass(value) else ()


def signature(code):
    """How a function is called, whatever it does."""
    (function,) = ast.parse(textwrap.dedent(code)).body
    kept = [each for each in function.decorator_list if ast.unparse(each) == "classmethod"]
    function.decorator_list, function.body = kept, [ast.Pass()]
    # An annotation may stand in quotes.
    return ast.unparse(function).replace("'", "")


def test_each_setting_is_told():
    told = {*SETTINGS.headings(3), "TIMING"}
    assert told == set(conf.NAMES)


@pytest.mark.parametrize("name", sorted({*conf.NAMES} - {*REQUIRED}))
def test_the_default_of_a_setting_is_the_one_told(settings, name):
    told = eval(SETTINGS.fact(name, "Default"), {"timedelta": timedelta})
    settings.BUFFER_CONNECT = REQUIRED
    left_out = values()
    settings.BUFFER_CONNECT = {**REQUIRED, name: told}
    assert values() == left_out


@pytest.mark.parametrize("name", REQUIRED)
def test_a_setting_without_a_default_is_told_as_required(name):
    assert SETTINGS.fact(name, "Default") == "required"


def test_each_time_is_told_with_its_default():
    table = SETTINGS.table("TIMING").items()
    told = {name: re.fullmatch(r"(\d+)( s)?", default) for name, (default, _) in table}
    defaults = {name: getattr(Timing(), name.lower()) for name in Timing.names()}
    assert {name: match and float(match[1]) for name, match in told.items()} == defaults


def test_each_endpoint_is_told():
    told = SETTINGS.table("ENDPOINTS").items()
    paths = {name: f"the issuer's `{path}`" for name, path in conf.PATHS.items()}
    assert {name: default for name, (default, _) in told} == paths


def values():
    """All that the settings come to, but for the keys, which are random."""
    kind = type(conf.conf)
    properties = [name for name, value in vars(kind).items() if isinstance(value, property)]
    return {name: getattr(conf.conf, name) for name in properties if name != "keyring"}


def test_each_url_is_told_with_its_path():
    told = {name: path for name, (path, *_) in reference("urls").table("URLs").items()}
    assert told == {each.name: f"/buffer/{each.pattern}" for each in urls.urlpatterns}


@pytest.mark.parametrize(
    ("document", "name", "function"),
    [
        pytest.param(document, *each, id=each[0])
        for module, document in INTERFACE
        for each in told_by(module)
    ]
    + [pytest.param(reference("models"), "adopt", BufferLinkQuerySet.adopt, id="adopt")],
)
def test_each_function_is_told_as_it_is_called(document, name, function):
    code = inspect.getsource(inspect.unwrap(getattr(function, "__func__", function)))
    assert signature(code) in map(signature, signatures(document, name))


@pytest.mark.parametrize(
    ("module", "document"), INTERFACE, ids=[module.__name__ for module, _ in INTERFACE]
)
def test_no_function_is_told_that_is_not_there(module, document):
    headings = document.headings(2) + document.headings(3)
    told = {heading for heading in headings if signatures(document, heading)}
    assert told == {name for name, _ in told_by(module)}


def signatures(document, heading):
    blocks = document.under(heading).blocks("python")
    return [block for block in blocks if block.endswith(": ...\n")]


def test_each_decorator_middleware_and_tag_is_told():
    there = [*public(decorators), *public(middleware), *tags.register.tags]
    assert reference("prompts").headings(2) == there


@pytest.mark.parametrize("error", EXCEPTIONS, ids=lambda error: error.__name__)
def test_each_exception_is_told_with_what_it_carries(error):
    assigned = re.findall(r"self\.([a-z]\w*) =", inspect.getsource(error))
    properties = [name for name, value in vars(error).items() if isinstance(value, property)]
    told = names(reference("exceptions").fact(error.__name__, "Attributes"))
    assert sorted(told) == sorted({*assigned, *properties})


def test_no_exception_is_told_that_is_not_there():
    assert sorted(reference("exceptions").headings(3)) == sorted(e.__name__ for e in EXCEPTIONS)


def test_the_tree_of_exceptions_is_theirs():
    tree = re.findall(r"[│├└─ ]*(\w+)\n", reference("exceptions").blocks("text")[0])
    assert tree == [error.__name__ for error in EXCEPTIONS]


def test_each_signal_is_told():
    there = {name for name, value in vars(signals).items() if isinstance(value, Signal)}
    assert set(reference("signals").table("Signals")) == there


def test_each_task_is_told():
    there = {name for name in current_app.tasks if name.startswith(tasks.__name__)}
    assert set(reference("tasks").table("Tasks")) == there


def test_each_task_is_told_with_its_beat():
    told = {name: every for name, (every, _) in reference("tasks").table("Tasks").items()}
    entries = schedule.beat_schedule().values()
    beats = {e["task"]: f"{e['schedule'].total_seconds():.0f} s" for e in entries}
    assert told == beats


def test_each_command_is_told():
    assert reference("commands").headings(2) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_each_option_of_a_command_is_told(name):
    parser = load_command_class("buffer_connect", name).create_parser("manage.py", name)
    usual = {*options(BaseCommand().create_parser("manage.py", name))}
    assert list(reference("commands").table(name)) == [
        option for option in options(parser) if option not in usual
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_fits_a_terminal(name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    parser = load_command_class("buffer_connect", name).create_parser("manage.py", name)
    assert [line for line in parser.format_help().splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_says_the_unit_of_each_span(name):
    parser = load_command_class("buffer_connect", name).create_parser("manage.py", name)
    spans = [each for each in parser._actions if each.metavar in UNITS]
    assert [each.dest for each in spans if each.metavar.lower() not in each.help] == []
    assert [each.dest for each in parser._actions if each.type is float and each not in spans] == []


def options(parser):
    return [action.option_strings[-1] for action in parser._actions if action.option_strings]


@pytest.mark.parametrize("record", [Post, SentRequest])
def test_each_field_of_what_the_fake_buffer_was_sent_is_told(record):
    cells = reference("testing").table(record.__name__)
    told = [name for cell in cells for name in names(cell)]
    assert sorted(told) == sorted(name for name in dir(record) if not name.startswith("_"))


def test_each_property_of_the_fake_buffer_is_told():
    there = [name for name, value in vars(FakeBuffer).items() if isinstance(value, property)]
    assert list(reference("testing").table("What it was sent")) == there


def test_each_fixture_for_sites_is_told():
    there = [name for name, value in vars(fixtures).items() if hasattr(value, "_fixture_function")]
    assert list(reference("testing").table("Fixtures")) == there


def test_each_kind_of_event_is_told():
    assert list(reference("events").table("Kinds")) == LinkEvent.Kind.values


def test_the_kinds_that_a_signal_tells_of_are_told():
    table = reference("events").table("Kinds")
    assert {kind for kind, (_, signal) in table.items() if signal} == {*LinkEvent.ANNOUNCED}


def test_each_field_of_an_event_is_told():
    there = {field.name for field in LinkEvent._meta.fields}
    assert set(reference("events").table("Fields")) == there - {"id"}


@pytest.mark.parametrize(
    ("heading", "choices"), [("Statuses", BufferLink.Status), ("Reasons", BufferLink.Reason)]
)
def test_each_status_and_reason_is_told(heading, choices):
    assert list(reference("models").table(heading)) == choices.values


@pytest.mark.parametrize("name", reference("models").table("BufferLink"))
def test_an_attribute_that_is_told_is_there(name):
    assert hasattr(BufferLink, name)


@pytest.mark.parametrize("call", reference("models").table("Querysets"))
def test_a_queryset_that_is_told_is_there(call):
    assert callable(getattr(BufferLink.objects, call.partition("(")[0]))


def test_each_template_is_told_with_its_blocks():
    templates = (PACKAGE / "templates" / "buffer_connect").glob("*.html")
    there = {path.name: re.findall(r"{% block (\w+)", path.read_text()) for path in templates}
    told = reference("templates").table("Templates").items()
    assert {name: names(blocks) for name, (blocks,) in told} == there
