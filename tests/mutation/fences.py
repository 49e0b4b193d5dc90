"""What the ORM asks of a row before it is written, or before a token is sent or ended for it.

The conditions of statements are SQL; these are arguments of `filter`, `exclude` and `Q`, and steps of
our querysets, in functions. To leave one out gives the function other code, which everybody runs who
has imported it.
"""

import ast
from functools import partial
from pathlib import Path
from pkgutil import resolve_name
from types import CodeType

import buffer_connect
from tests.mutation.mutants import numbered

PACKAGE = Path(buffer_connect.__file__).parent
# Every function that writes rows behind a condition (a test finds them), and those that they, or what
# sends and ends tokens, ask.
FENCES = (
    "flows.adopt:keep_new",
    "flows.announce:announce",
    "flows.announce:announce_overdue",
    "flows.clean_up:clean_up",
    "flows.connect.finish:_consume",
    "flows.connect.store:_event_of",
    "flows.connect.store:_row",
    "flows.connect.store:_write_profile",
    "flows.copies:_others",
    "flows.copies:adopt_all",
    "flows.copies:mark_restored",
    "flows.disconnect:_conclude",
    "flows.refresh.brake:_are_many",
    "flows.refresh.brake:_refused",
    "flows.refresh.brake:_row",
    "flows.refresh.brake:lock_if_on",
    "flows.refresh.brake:put_on",
    "flows.refresh.breaker:_row",
    "flows.refresh.breaker:close",
    "flows.refresh.breaker:take_probe",
    "flows.refresh.claim:_is_recorded",
    "flows.refresh.endings:_look_at_account",
    "flows.refresh.endings:refuse",
    "flows.refresh.resend:_is_still_alone",
    "flows.refresh.resend:_siblings",
    "flows.revocation:_is_needless",
    "models.event:LinkEventQuerySet.ours",
    "models.event:LinkEventQuerySet.refusals",
    "models.event:LinkEventQuerySet.settled",
    "models.event:LinkEventQuerySet.unannounced",
    "models.link:BufferLinkQuerySet.active",
    "models.link:BufferLinkQuerySet.ours",
    "models.link:BufferLinkQuerySet.siblings",
    "models.outbox:PendingRevocation._row",
    "models.outbox:PendingRevocation.take",
    "models.outbox:PendingRevocationQuerySet.due",
    "models.outbox:PendingRevocationQuerySet.hopeless",
    "models.outbox:PendingRevocationQuerySet.ours",
    "models.request:AuthorizationRequestQuerySet.consume",
    "models.request:AuthorizationRequestQuerySet.drop_oldest",
    "models.request:AuthorizationRequestQuerySet.may_be_for",
    "models.request:AuthorizationRequestQuerySet.of_users_with",
    "models.request:AuthorizationRequestQuerySet.pending",
    "models.request:AuthorizationRequestQuerySet.stale",
    "models.request:AuthorizationRequestQuerySet.underway",
    "models.service:ServiceStateQuerySet.put",
)
CONDITIONS = {"filter", "exclude", "Q"}
STEPS = {name.rpartition(".")[2] for name in FENCES if "QuerySet." in name} - {
    "consume",
    "drop_oldest",
    "put",
}
LEFT_OUT = ""


def gaps_of(name):
    """Return a mutant for each condition in the function `name`."""
    return numbered(name, ((term, LEFT_OUT) for term, _ in conditions(_node(name))))


def open_gap(mutant):
    """Leave the condition out wherever the function of `mutant` runs in this process."""
    node = _node(mutant.key)
    [gap] = [n for n, each in enumerate(gaps_of(mutant.key)) if each == mutant]
    _, leave_out = list(conditions(node))[gap]
    leave_out()
    _put(mutant.key, node)


def watch(note):
    """Have each of these functions tell `note` its name whenever it runs."""
    for name in FENCES:
        node = _node(name)
        node.body[:0] = ast.parse(f"_note({name!r})").body
        _put(name, node).__globals__["_note"] = note


def _node(name):
    module, _, path = name.partition(":")
    node = ast.parse((PACKAGE / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
    for word in path.split("."):
        node = next(each for each in node.body if getattr(each, "name", None) == word)
    return node


def conditions(function):
    """Return each condition as it reads, and what leaves it out of `function`.

    `filter()` passes every row, and Q() says nothing on either side of `|` and `&`.
    """
    calls = [each for each in ast.walk(function) if isinstance(each, ast.Call)]
    for call in sorted(calls, key=lambda each: (each.end_lineno, each.end_col_offset)):
        word = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if word in CONDITIONS:
            for parts in call.args, call.keywords:
                for part in parts:
                    yield ast.unparse(part), partial(parts.remove, part)
        if word in STEPS:
            yield f"{word}()", partial(_pass_all, call)


def _pass_all(call):
    call.func.attr, call.args, call.keywords = "all", [], []


def _put(name, node):
    """Give the function `name` the code of `node`, and return it."""
    module = compile(ast.fix_missing_locations(ast.Module([node], [])), name, "exec")
    function = resolve_name(f"buffer_connect.{name}")
    [function.__code__] = (
        each
        for each in module.co_consts
        if isinstance(each, CodeType) and each.co_name == node.name
    )
    return function
