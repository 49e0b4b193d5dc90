"""What the statements ask for of which tests/model says nothing: of keys, copies, halts and use.

Each holds for itself, whatever the code around it has looked at before.
"""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from buffer_connect.models import (
    AuthorizationRequest,
    BufferLink,
    PendingRevocation,
    ServiceState,
    statements,
)
from buffer_connect.models.clock import DatabaseNow, database_now
from tests.links import held, link_to, make_due

pytestmark = pytest.mark.django_db

OURS, KEY = "ours", "k" * 64
EPOCH = uuid4()
READ = {"refresh_token": b"refresh", "access_token": b"access"}
KINDS_OF_LINK = {
    "both tokens": READ,
    "no refresh token": {**READ, "refresh_token": None},
    "no access token": {**READ, "access_token": None},
}
CHANGED = {
    "epoch": {"epoch": uuid4()},
    "generation": {"generation": 9},
    "refresh token": {"refresh_token": b"?"},
    "access token": {"access_token": b"?"},
    "refresh token gone": {"refresh_token": None},
    "access token gone": {"access_token": None},
}
MOMENT = timedelta(seconds=1)
DAY = timedelta(days=1)


@pytest.fixture
def two(user):
    """Return a function that makes two links which are alike, and gives their keys."""
    others = get_user_model().objects.create_user("somebody else", "else@example.com", None)

    def make(**columns):
        columns = {"status": "active", "expires_at": timezone.now(), **columns}
        links = [BufferLink(user=owner, account_key="a", **columns) for owner in (user, others)]
        BufferLink.objects.bulk_create(links)
        return list(BufferLink.objects.order_by("pk").values_list("pk", flat=True))

    return make


def written(pk, name):
    return BufferLink.objects.values_list(name, flat=True).get(pk=pk)


def both(name):
    return list(BufferLink.objects.order_by("pk").values_list(name, flat=True))


def reseal(pk, tokens):
    anew = {column: old and b"anew" for column, old in tokens.items()}
    read = {f"old_{column}": old for column, old in tokens.items()}
    return statements.reseal_link(pk=pk, epoch=EPOCH, generation=1, digest="anew", **anew, **read)


@pytest.mark.parametrize("tokens", KINDS_OF_LINK.values(), ids=KINDS_OF_LINK)
def test_one_link_is_sealed_anew_and_no_other(two, tokens):
    one, _ = two(epoch=EPOCH, **tokens)
    assert reseal(one, tokens) == 1
    assert both("refresh_token_digest") == ["anew", ""]


@pytest.mark.parametrize("tokens", KINDS_OF_LINK.values(), ids=KINDS_OF_LINK)
@pytest.mark.parametrize("columns", CHANGED.values(), ids=CHANGED)
def test_a_link_that_has_changed_since_is_not_sealed_anew(two, tokens, columns):
    one, _ = two(epoch=EPOCH, **tokens)
    is_as_read = columns.items() <= tokens.items()
    BufferLink.objects.update(**columns)
    assert reseal(one, tokens) == int(is_as_read)


def test_one_revocation_is_sealed_anew_and_no_other():
    now = timezone.now()
    one, other = (
        PendingRevocation.objects.create(token=b"old", created_at=now, next_attempt_at=now)
        for _ in range(2)
    )
    assert statements.reseal_revocation(pk=one.pk, token=b"new", old_token=b"old") == 1
    other.refresh_from_db()
    assert bytes(other.token) == b"old"


def test_one_connect_is_sealed_anew_and_no_other(user):
    columns = {"user": user, "verifier": b"old", "expires_at": timezone.now()}
    one, other = (
        AuthorizationRequest.objects.create(state_hash=state, **columns) for state in "ab"
    )
    assert statements.reseal_request(pk=one.pk, verifier=b"new", old_verifier=b"old") == 1
    other.refresh_from_db()
    assert bytes(other.verifier) == b"old"


def test_those_are_taken_over_that_are_named_and_are_another_sites(two, instance):
    instance(OURS)
    one, other = two(instance="another", refused_generation=1, refused_reason="expired")
    assert statements.adopt(ids=[one]) == 1
    assert both("refused_generation") == [None, 1]
    assert both("instance") == [OURS, "another"]
    assert statements.adopt(ids=[one, other]) == 1


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, 1),
        ({"status": "disconnected"}, 0),
        ({"kind": "api_key", "expires_at": None, "refresh_due_at": None}, 0),
    ],
)
def test_only_what_can_be_refreshed_is_marked_as_restored(two, columns, expected):
    one, other = two()
    BufferLink.objects.update(**columns)
    assert statements.mark_restored(ids=[one]) == expected
    assert (written(one, "restored_at") is not None) == bool(expected)
    assert written(other, "restored_at") is None


@pytest.mark.parametrize(
    ("ago", "expected"), [(None, 1), (DAY + MOMENT, 1), (DAY - timedelta(minutes=1), 0)]
)
def test_the_use_of_one_link_is_noted_once_a_day(two, ago, expected):
    one, other = two()
    before = ago and database_now(BufferLink.written_on()) - ago
    BufferLink.objects.update(last_used_at=before)
    assert statements.note_use(pk=one) == expected
    assert (written(one, "last_used_at") != before) == bool(expected)
    assert written(other, "last_used_at") == before


def test_what_is_read_after_a_claim_is_ones_own(two):
    me = uuid4()
    one, other = two(lease_owner=me)
    BufferLink.objects.filter(pk=other).update(lease_owner=uuid4())
    assert [link.pk for link in statements.read_claimed(ids=[one, other], owner=me)] == [one]


HALTED = [
    ({"name": "brake"}, True),
    ({"name": "breaker", "key": KEY}, True),
    # Of a secret that is not configured any more.
    ({"name": "breaker", "key": "another"}, False),
    ({"name": "beat", "key": KEY}, False),
    ({"name": "breaker", "key": KEY, "opened_at": None}, False),
    ({"name": "brake", "opened_at": None}, False),
]


@pytest.mark.parametrize(("state", "is_halted"), HALTED)
def test_the_brake_and_the_breaker_of_this_client_let_nothing_be_claimed(
    sandbox, user, state, is_halted
):
    ServiceState.objects.create(**{"opened_at": timezone.now(), **state})
    link = link_to(sandbox, user)
    make_due(link)
    now = {"owner": uuid4(), "lease": 60.0, "client_key": KEY}
    fence = {"pk": link.pk, "epoch": link.epoch, "generation": link.generation}
    sent = statements.claim_to_send(**fence, **now)
    BufferLink.objects.update(lease_until=None, sent_generation=None)
    claimed = statements.claim(ids=[link.pk], quarantine=60.0, **now)
    halts = statements.halts(client_key=KEY)
    expected = (0, 0, {state["name"]}) if is_halted else (1, 1, set())
    assert (sent, len(claimed), halts) == expected


RATE = 20


@pytest.mark.parametrize(
    ("tokens", "age", "sends", "expected"),
    [
        # Full a second later, and no fuller.
        (20.0, 1, 5, 15),
        (20.0, 1, 20, 0),
        (20.0, 1, 21, None),
        # A clock that was set back, or had stood: full as well.
        (5.0, -10, 20, 0),
        (-20.0, 10, 20, 0),
    ],
)
def test_a_bucket_holds_what_may_be_sent_in_a_second(tokens, age, sends, expected):
    fill(tokens, age)
    assert statements.draw(sends=sends, rate=RATE) == int(expected is not None)
    assert left() == (tokens if expected is None else expected)


@pytest.mark.parametrize(
    ("tokens", "age", "sends", "expected"),
    [(20.0, 1, 50, -20), (5.0, -10, 50, -20), (20.0, 1, 30, -10), (5.0, -10, 30, -10)],
)
def test_a_bucket_owes_no_more_than_that(tokens, age, sends, expected):
    fill(tokens, age)
    assert statements.overdraw(sends=sends, rate=RATE) == 1
    assert left() == expected


def fill(tokens, age):
    then = DatabaseNow() - timedelta(seconds=age)
    ServiceState.objects.put("bucket", tokens=tokens, updated_at=then)


def left():
    return ServiceState.objects.get(name="bucket").tokens


@pytest.mark.parametrize("access_token", [b"next", None])
@pytest.mark.parametrize(("status", "is_news"), [("active", False), ("revoked", True)])
def test_the_status_changes_by_an_answer_only_when_the_link_had_ended(
    sandbox, user, access_token, status, is_news
):
    link = link_to(sandbox, user)
    before = link.status_changed_at - DAY
    gone = {"refresh_token": None, "access_token": None} if is_news else {}
    BufferLink.objects.update(status=status, status_changed_at=before, **gone)
    fence = {"pk": link.pk, "epoch": link.epoch, "generation": 1, "status": status}
    assert answered(access_token, **fence, refresh_token=b"next", digest="") == 1
    assert (held(link).status_changed_at != before) == is_news


def answered(access_token, **values):
    if access_token is None:
        return statements.store_refresh_token(**values, error="", delay=1.0)
    times = {"life": 60.0, "due_in": 30.0}
    return statements.store(**values, **times, access_token=access_token, scopes="")
