"""The clone guard: a copy of the database under another INSTANCE sends and changes nothing.

A copy has the same rows. So these tests change the name of the site that looks at them.
"""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from buffer_connect import flows, signals
from buffer_connect.client import BufferAuth, BufferClient
from buffer_connect.exceptions import LinkRevoked, TokenUnavailable
from buffer_connect.flows import status
from buffer_connect.flows.check import check_again
from buffer_connect.flows.disconnect import disconnect
from buffer_connect.flows.instance import OfAnotherInstance
from buffer_connect.flows.refresh import hold
from buffer_connect.flows.refresh.claim import claim, prepare, record_intent
from buffer_connect.flows.status import Level, Limits, judge
from buffer_connect.flows.steps import run
from buffer_connect.models import (
    AuthorizationRequest,
    BufferLink,
    LinkEvent,
    PendingRevocation,
    ServiceState,
    statements,
)
from buffer_connect.oauth.token import Outcome, TokenSet, Verdict
from buffer_connect.sealing import Secret
from tests.links import age, held, link_to, make_due, tokens_of
from tests.people import LINKS, Person
from tests.refresh.test_endings import ANSWER, answered, under_way
from tests.staff import confirm, messages_of, staff_browser

pytestmark = pytest.mark.django_db

ROWS = (BufferLink, LinkEvent, PendingRevocation, AuthorizationRequest)
LONG_AGO = timedelta(days=91)


@pytest.fixture
def site(instance):
    instance("production")
    return instance


@pytest.fixture
def link(site, sandbox, user):
    return link_to(sandbox, user)


def change(link, **columns):
    BufferLink.objects.filter(pk=link.pk).update(**columns)
    return held(link)


def test_what_another_instance_has_forgotten_is_tried_again(site, sandbox, link, settings):
    """Two of them on one database have one brake: the other one has taken it off."""
    change(link, refused_generation=1, refused_reason="revoked_at_buffer")
    make_due(link)
    site("staging")
    assert flows.sweep() == 0
    assert held(link).is_held_back
    site("production")
    assert flows.sweep() == 1
    assert held(link).generation == 2


def test_what_is_held_back_stays_so_while_the_brake_is_on(site, sandbox, link):
    change(link, refused_generation=1, refused_reason="revoked_at_buffer")
    make_due(link)
    ServiceState.objects.create(name="brake", opened_at=timezone.now())
    assert flows.sweep() == 0
    assert held(link).is_held_back


def ended(link, **columns):
    return change(link, status="revoked", reason="unauthorized", **columns)


def snapshot():
    return {model: list(model.objects.order_by("pk").values()) for model in ROWS}


@pytest.fixture
def everything(link, sandbox, user):
    """A site in which there is something to do for every step; return its links by what they are."""

    def another(number, **options):
        return link_to(sandbox, user, account=f"account-{number}", **options)

    links = {
        "live": link,
        "due": age(another(2), minutes=50),
        "over": age(another(3), hours=2),
        "in doubt": another(4),
        "lapsed": age(another(5, refreshable=False), hours=2),
        "refused": ended(another(6)),
        "refused long ago": ended(age(another(7), hours=2)),
        "disconnected": another(8),
    }
    sent = {"sent_generation": 1, "sent_count": 1, "sent_at": timezone.now()}
    change(links["in doubt"], **sent)
    age(links["in doubt"], hours=2)
    PendingRevocation.objects.post_for(links["disconnected"])
    PendingRevocation.objects.post_for(links["disconnected"])
    hopeless = PendingRevocation.objects.order_by("pk").first()
    PendingRevocation.objects.filter(pk=hopeless.pk).update(created_at=timezone.now() - LONG_AGO)
    nothing = {"status": "disconnected", "refresh_token": None, "access_token": None}
    change(links["disconnected"], **nothing, status_changed_at=timezone.now() - LONG_AGO)
    for kind in (LinkEvent.Kind.CONNECTED, LinkEvent.Kind.RESENT):
        LinkEvent.objects.record(kind, link=link.pk)
    LinkEvent.objects.update(created_at=timezone.now() - LONG_AGO)
    sandbox.forget_requests()
    return links


def refused_or(act):
    """Call `act`; that this link cannot be used here is what a caller may be told."""
    try:
        return act()
    except (OfAnotherInstance, LinkRevoked) as error:
        return error


def refreshes(links):
    flows.sweep()


def cleans_up(links):
    flows.clean_up()


def asks_for_tokens(links):
    for link in links.values():
        refused_or(BufferClient(link).get_access_token)


def calls_the_api(links):
    for link in links.values():
        refused_or(lambda link=link: BufferClient(link).execute("query { account { id } }"))


def reports_a_401(links):
    token = tokens_of(links["live"])[0]
    refused_or(lambda: BufferClient(links["live"]).report_unauthorized(token))


def checks(links):
    for link in links.values():
        refused_or(lambda link=link: check_again(link))


def disconnects(links):
    for link in links.values():
        refused_or(lambda link=link: disconnect(link))


def presses_the_buttons(links):
    person = Person(None, links["live"].user)
    for link in links.values():
        for page in ("check", "disconnect"):
            person.client.post(f"{LINKS}{link.uid}/{page}/")
    person.links_page()


def acts_in_the_admin(links):
    browser = staff_browser("view_bufferlink", "change_bufferlink")
    for action in ("refresh_now", "check_again", "disconnect"):
        confirm(browser, action, *links.values())


ACTS = [
    refreshes,
    cleans_up,
    asks_for_tokens,
    calls_the_api,
    reports_a_401,
    checks,
    disconnects,
    presses_the_buttons,
    acts_in_the_admin,
]
each_act = pytest.mark.parametrize("act", ACTS, ids=[act.__name__ for act in ACTS])


@pytest.mark.long
@each_act
def test_a_copy_sends_nothing_and_changes_nothing(everything, sandbox, site, act):
    before = snapshot()
    site("staging")
    act(everything)
    assert sandbox.requests == []
    assert snapshot() == before


@pytest.mark.long
@each_act
@pytest.mark.parametrize("name", ["production", None])
def test_the_site_itself_does_all_that(everything, sandbox, site, act, name):
    before = snapshot()
    site(name)
    act(everything)
    assert sandbox.requests
    assert snapshot() != before


@pytest.mark.long
def test_a_copy_of_a_site_without_a_name_does_it_too(everything, sandbox, site):
    BufferLink.objects.update(instance="")
    site("staging")
    flows.sweep()
    assert len(sandbox.requests_to("token")) == 3


def test_a_copy_announces_nothing(link, site, heard):
    LinkEvent.objects.record(LinkEvent.Kind.CONNECTED, link=link.pk)
    LinkEvent.objects.update(created_at=timezone.now() - timedelta(minutes=6))
    calls = heard(signals.link_connected)
    site("staging")
    flows.clean_up()
    assert calls == []
    site("production")
    flows.clean_up()
    assert [call["link"] for call in calls] == [link]


def test_not_even_a_live_access_token_of_another_instance_is_used(link, site, sandbox):
    site("staging")
    with pytest.raises(TokenUnavailable, match="another instance of the site"):
        BufferClient(link).execute("query { account { id } }")
    with pytest.raises(TokenUnavailable, match="INSTANCE"):
        BufferAuth(link).access_token()
    assert sandbox.requests == []


def test_a_caller_does_not_wait_for_what_no_sweep_will_do(link, site):
    age(link, hours=2)
    site("staging")
    with pytest.raises(OfAnotherInstance):
        run(hold(link))


def test_a_link_that_has_ended_says_so_on_a_copy_too(link, site):
    ended(link)
    site("staging")
    with pytest.raises(LinkRevoked):
        BufferClient(link).get_access_token()


def test_what_is_deleted_on_a_copy_is_never_revoked(link, site, sandbox, user):
    site("staging")
    user.delete()
    flows.sweep()
    flows.clean_up()
    assert sandbox.requests == []
    assert PendingRevocation.objects.get().instance == "production"


def test_what_a_link_without_a_name_owes_is_for_its_site_to_send(link, site, sandbox):
    change(link, instance="")
    sandbox.fail_next("outage", on="revocation")
    disconnect(link)
    assert PendingRevocation.objects.get().instance == "production"


# What a statement needs, beside the link, to change it.
OWNER = uuid4()
CLAIMED = {"lease_owner": OWNER, "lease_until": timezone.now() + timedelta(days=1)}
DUE = {"refresh_due_at": timezone.now() - timedelta(minutes=1)}
SENT = {**CLAIMED, "sent_generation": 1, "sent_count": 1}
LAPSED = {"refresh_token": None, "refresh_due_at": None, "expires_at": timezone.now()}
REFUSED = {"status": "revoked", "reason": "unauthorized"}
LEASE = {"lease": 60.0, "quarantine": 60.0, "client_key": ""}


def held_by(link):
    return {"pk": link.pk, "epoch": link.epoch, "generation": link.generation}


STEPS = {
    "S": ({}, lambda link: statements.schedule(pk=link.pk)),
    "S of a caller": ({}, lambda link: statements.schedule_held(**held_by(link))),
    "J": ({}, lambda link: statements.reject(**held_by(link))),
    "candidates": (DUE, lambda link: len(statements.due(quarantine=60.0, limit=9))),
    "T1": (DUE, lambda link: len(statements.claim(ids=[link.pk], owner=uuid4(), **LEASE))),
    "T1 and T2": (
        DUE,
        lambda link: statements.claim_to_send(
            **held_by(link), owner=uuid4(), lease=60.0, client_key=""
        ),
    ),
    "T2": (
        CLAIMED,
        lambda link: statements.record_intent(owner=OWNER, held=[tuple(held_by(link).values())]),
    ),
    "T7": ({}, lambda link: statements.refuse(**held_by(link), reason="expired")),
    "lapsed": (LAPSED, lambda link: len(statements.lapsed.rows(limit=9))),
    "E1": (LAPSED, lambda link: statements.lapse(pk=link.pk, reason="expired")),
    "E2": (
        SENT,
        lambda link: statements.give_up(**held_by(link), owner=OWNER, reason="answer_lost"),
    ),
    "U1": (
        {"forced_at": timezone.now() + timedelta(days=1)},
        lambda link: statements.unauthorized(
            **held_by(link), reason="unauthorized", forced_for=60.0
        ),
    ),
    "U2": (REFUSED, lambda link: statements.restore(**held_by(link))),
    "D": ({}, lambda link: statements.disconnect(**held_by(link))),
}


@pytest.mark.long
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("owner", "changed"), [("production", 0), ("staging", 1), ("", 1)], ids=str
)
def test_each_statement_leaves_the_links_of_another_instance_alone(
    link, site, step, owner, changed
):
    columns, run = STEPS[step]
    row = change(link, instance=owner, **columns)
    site("staging")
    assert run(row) == changed


def test_a_link_that_is_taken_over_after_the_claim_is_not_sent(link, site):
    make_due(link)
    claimed = claim([link.pk])
    claimed.links[:] = [change(link, instance="staging")]
    assert prepare(claimed) == []
    row = held(link)
    assert (row.is_active, row.last_error) == (True, "OfAnotherInstance")
    assert row.next_attempt_at > row.database_now + timedelta(minutes=4)


def test_nor_when_it_is_taken_over_after_that(link, site):
    make_due(link)
    attempts = prepare(claim([link.pk]))
    change(link, instance="staging")
    assert record_intent(attempts) == []
    assert held(link).sent_generation is None


def test_an_answer_is_stored_whoever_has_taken_the_link_over(link, site):
    make_due(link)
    attempt = under_way(link)
    change(link, instance="staging")
    answered(attempt)
    assert (tokens_of(link)[1], held(link).instance) == ("new-refresh", "staging")


def test_a_refusal_ends_nothing_that_was_taken_over_meanwhile(link, site):
    make_due(link)
    attempt = under_way(link)
    change(link, instance="staging")
    answered(attempt, Outcome(verdict=Verdict.REFUSED, error="invalid_grant", answered=True))
    assert held(link).is_active


WITHOUT_ACCESS_TOKEN = Outcome(
    verdict=Verdict.OK, tokens=TokenSet(access_token=None, refresh_token=Secret("new"), life=60)
)


@pytest.mark.long
@pytest.mark.parametrize("outcome", [ANSWER, WITHOUT_ACCESS_TOKEN], ids=["both", "refresh token"])
@pytest.mark.parametrize(
    ("before", "name", "after"),
    [("", "staging", "staging"), ("production", None, "production"), ("", None, "")],
)
def test_the_next_refresh_takes_over_a_link_without_a_name(
    link, site, outcome, before, name, after
):
    change(link, instance=before)
    site(name)
    make_due(link)
    answered(under_way(link), outcome)
    assert (held(link).generation, held(link).instance) == (2, after)


@pytest.mark.parametrize("name", ["staging", None])
def test_a_reconnect_takes_over_whatever_it_was(person, site, name):
    person.connect()
    site(name)
    person.connect()
    link = BufferLink.objects.get()
    assert link.instance == (name or "")
    assert BufferClient(link).get_access_token()


def test_the_page_says_that_a_link_is_not_used_here(person, site):
    person.connect()
    assert "another copy of this site" not in person.links_page()
    site("staging")
    page = person.links_page()
    assert "belongs to another copy of this site" in page
    assert "Reconnect Sandbox account 1" in page
    assert "Disconnect" not in page


@pytest.mark.parametrize("button", ["check", "disconnect"])
def test_a_button_says_that_nothing_was_done(link, site, sandbox, button):
    ended(link)
    site("staging")
    person = Person(sandbox, link.user)
    person.client.post(f"{LINKS}{link.uid}/{button}/")
    assert "belongs to another copy of this site and is as it was" in person.links_page()


@pytest.mark.long
@pytest.mark.parametrize(
    ("action", "columns"),
    [
        ("refresh_now", {}),
        ("disconnect", {}),
        ("check_again", {"status": "revoked", "reason": "unauthorized"}),
    ],
)
def test_staff_are_told_that_a_link_is_left_alone(link, site, action, columns):
    change(link, **columns)
    site("staging")
    browser = staff_browser("view_bufferlink", "change_bufferlink")
    (message,) = messages_of(confirm(browser, action, link))[:1]
    assert message.startswith("1 link is left alone: it belongs to another instance")


def test_the_status_counts_what_belongs_to_others_apart(link, site, sandbox, other_user):
    make_due(link)
    PendingRevocation.objects.post_for(link)
    LinkEvent.objects.record(LinkEvent.Kind.REVOKED, link=link.pk, reason="expired")
    site("staging")
    read = status.read()
    assert read.elsewhere == {"production": 1}
    assert (read.refreshable, read.due.count, read.revocations.count) == (0, 0, 0)
    assert (read.ended_last_day, read.unannounced.count) == ({}, 0)
    link_to(sandbox, other_user, account="account-2")
    assert (status.read().elsewhere, status.read().refreshable) == ({"production": 1}, 1)


def levels():
    findings = judge(status.read(), Limits())
    return [finding.level for finding in findings if finding.subject == "elsewhere"]


def test_links_of_others_are_critical_where_there_are_no_own(link, site, sandbox, other_user):
    assert levels() == []
    site("renamed")
    assert levels() == [Level.CRITICAL]
    link_to(sandbox, other_user, account="account-2")
    assert levels() == [Level.WARNING]
