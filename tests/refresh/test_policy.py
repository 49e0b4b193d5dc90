"""REFRESH_POLICY: who is refreshed ahead, who rests, and that nobody is lost by resting."""

from datetime import timedelta

import pytest
from django.utils import timezone

from buffer_connect import flows
from buffer_connect.client import BufferClient
from buffer_connect.exceptions import TokenUnavailable
from buffer_connect.flows import status
from buffer_connect.flows.refresh import held_back
from buffer_connect.flows.status import Limits, judge
from buffer_connect.models import BufferLink, ServiceState
from buffer_connect.sandbox import Sandbox
from tests.links import age, held, key_of, link_to, make_due, tokens_of
from tests.refresh.steps import requests_to

# Of an access token that lives for an hour: a quarter of it before its end; or a day; each by 10 %.
AHEAD = timedelta(minutes=43), timedelta(minutes=47)
DAILY = timedelta(hours=21.5), timedelta(hours=26.5)


@pytest.fixture
def link(sandbox, user):
    return link_to(sandbox, user)


@pytest.fixture
def choose(settings):
    """Choose a policy: `choose("active", ACTIVE_WITHIN=…)`."""

    def choose(policy, **others):
        chosen = {"REFRESH_POLICY": policy, **others}
        settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, **chosen}

    return choose


def due_after_store(link):
    row = held(link)
    return row.refresh_due_at - (row.last_refreshed_at or row.connected_at)


def lies(span, limits):
    return limits[0] < span < limits[1]


def refreshed(link, *, used):
    """Sweep a link that was used so long ago."""
    moment = None if used is None else timezone.now() - used
    BufferLink.objects.filter(pk=link.pk).update(last_used_at=moment)
    make_due(link)
    flows.sweep()
    assert held(link).generation == 2
    return due_after_store(link)


def pass_time(sandbox, link, **by):
    """Let time pass here and at Buffer."""
    sandbox.advance(timedelta(**by).total_seconds())
    age(link, **by)


HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RHYTHMS = [
    ("eager", None, AHEAD),
    ("eager", 100 * DAY, AHEAD),
    ("active", None, DAILY),
    ("active", HOUR, AHEAD),
    # Calls within a day of a noted one are not noted.
    ("active", 31 * DAY - HOUR, AHEAD),
    ("active", 31 * DAY + HOUR, DAILY),
    ("on_demand", None, DAILY),
    ("on_demand", HOUR, DAILY),
]


@pytest.mark.long
@pytest.mark.parametrize(("policy", "used", "expected"), RHYTHMS)
def test_the_sweep_keeps_the_rhythm_of_the_policy(link, choose, policy, used, expected):
    choose(policy)
    assert lies(refreshed(link, used=used), expected)


@pytest.mark.parametrize(("used", "expected"), [(24 * HOUR, AHEAD), (26 * HOUR, DAILY)])
def test_how_lately_is_a_setting(link, choose, used, expected):
    choose("active", ACTIVE_WITHIN=HOUR)
    assert lies(refreshed(link, used=used), expected)


@pytest.mark.long
@pytest.mark.parametrize(
    ("policy", "expected"), [("eager", AHEAD), ("active", DAILY), ("on_demand", DAILY)]
)
def test_a_new_link_begins_in_the_rhythm_of_the_policy(person, choose, policy, expected):
    choose(policy)
    person.connect()
    assert lies(due_after_store(BufferLink.objects.get()), expected)


def test_a_link_in_use_that_is_reconnected_stays_in_its_rhythm(person, choose):
    choose("active")
    person.connect()
    BufferLink.objects.update(last_used_at=timezone.now())
    person.connect()
    assert lies(due_after_store(BufferLink.objects.get()), AHEAD)


def adopted(user, issued, expires_in):
    return BufferLink.objects.adopt(
        user=user,
        account_id="account-1",
        access_token=issued.access_token,
        refresh_token=issued.refresh_token,
        expires_in=expires_in,
        scopes=["account:read"],
    )


def test_an_adopted_link_rests_while_its_access_token_shows_that_it_is_fresh(sandbox, user, choose):
    choose("on_demand")
    assert lies(due_after_store(adopted(user, sandbox.issue(), 3600)), DAILY)


def test_else_it_is_refreshed_soon_for_it_may_have_been_idle_for_long(sandbox, user, choose):
    choose("on_demand")
    link = adopted(user, sandbox.issue(), 0)
    assert due_after_store(link) <= timedelta(seconds=30)
    age(link, seconds=30)
    flows.sweep()
    assert lies(due_after_store(link), DAILY)


def test_a_call_on_demand_costs_one_refresh(sandbox, link, choose):
    choose("on_demand")
    pass_time(sandbox, link, hours=5)
    for _ in range(3):
        BufferClient(link).execute("query { account { id } }")
    assert requests_to(sandbox) == 1
    assert lies(due_after_store(link), DAILY)


@pytest.mark.parametrize("in_doubt", [False, True], ids=["at rest", "in doubt"])
def test_a_link_that_comes_into_use_again_is_refreshed_ahead_from_then_on(
    sandbox, link, choose, in_doubt
):
    choose("active")
    if in_doubt:
        BufferLink.objects.update(sent_generation=1, sent_count=1, sent_at=timezone.now())
    pass_time(sandbox, link, hours=5)
    BufferClient(link).get_access_token()
    assert lies(due_after_store(link), AHEAD)
    pass_time(sandbox, link, minutes=50)
    flows.sweep()
    assert lies(due_after_store(link), AHEAD)
    BufferClient(link).get_access_token()
    assert requests_to(sandbox) == 2


def test_a_link_that_goes_out_of_use_rests(sandbox, link, choose):
    choose("active", ACTIVE_WITHIN=DAY)
    BufferClient(link).get_access_token()
    for _ in range(3):
        pass_time(sandbox, link, days=1)
        make_due(link)
        flows.sweep()
    assert lies(due_after_store(link), DAILY)


@pytest.fixture
def lasting(sandbox, settings):
    """A Buffer whose grants last, while an idle refresh token dies after 14 days."""
    ours = settings.BUFFER_CONNECT
    client = {"client_id": ours["CLIENT_ID"], "client_secret": ours["CLIENT_SECRET"]}
    with Sandbox(**client, grant_life=365 * 86_400.0) as buffer:
        settings.BUFFER_CONNECT = {**ours, "ISSUER": buffer.url, "API_URL": buffer.api_url}
        yield buffer


@pytest.mark.long
@pytest.mark.parametrize("policy", ["active", "on_demand"])
def test_an_idle_link_is_kept_alive_once_a_day(lasting, user, choose, policy):
    choose(policy)
    link = link_to(lasting, user)
    for _ in range(30 * 4):
        pass_time(lasting, link, hours=6)
        flows.sweep()
    assert 23 <= requests_to(lasting) <= 31
    assert lasting.accepts(BufferClient(link).get_access_token())


def test_without_the_sweep_it_would_have_ended(lasting, user, choose):
    choose("on_demand")
    link = link_to(lasting, user)
    pass_time(lasting, link, days=15)
    flows.sweep()
    assert held(link).reason == BufferLink.Reason.EXPIRED


def resting(sandbox, link):
    """The link, 20 hours after its last refresh."""
    refreshed(link, used=None)
    pass_time(sandbox, link, hours=20)
    flows.sweep()
    assert requests_to(sandbox) == 1
    return link


def test_a_link_at_rest_is_well(sandbox, link, choose):
    choose("on_demand")
    resting(sandbox, link)
    read = status.read()
    assert (read.due.count, judge(read, Limits())) == (0, [])


def test_its_user_sees_it_connected(sandbox, link, person, choose):
    choose("on_demand")
    resting(sandbox, link)
    page = person.links_page()
    assert 'class="status status-active">Connected<' in page
    assert "Reconnect" not in page


def test_a_link_at_rest_that_the_sweep_forgets_is_none_that_is_well(sandbox, link, choose):
    choose("on_demand")
    pass_time(sandbox, resting(sandbox, link), hours=7)
    (finding,) = [each for each in judge(status.read(), Limits()) if each.subject == "due"]
    assert "wait for their refresh" in finding.text


def test_a_call_to_a_link_at_rest_is_served_as_any_other(sandbox, link, choose):
    choose("on_demand")
    resting(sandbox, link)
    assert BufferClient(link).get_access_token() == tokens_of(link)[0]
    assert requests_to(sandbox) == 2


RESTING = pytest.mark.parametrize("policy", ["active", "on_demand"])


def hold_back(link):
    """As when Buffer refuses it while the brake is on."""
    BufferLink.objects.filter(pk=link.pk).update(
        refused_generation=1, refused_reason="revoked_at_buffer"
    )
    make_due(link)


@pytest.fixture
def never_due(lasting, user):
    """An API key, and a link without a refresh token."""
    key = key_of(lasting, user, account="key")
    return [key, link_to(lasting, user, account="unrefreshable", refreshable=False)]


@pytest.mark.long
@RESTING
def test_what_is_never_refreshed_does_not_keep_the_idle_ones_from_it(
    lasting, user, never_due, choose, policy
):
    choose(policy)
    link = link_to(lasting, user)
    for _ in range(16 * 4):
        pass_time(lasting, link, hours=6)
        for other in never_due:
            age(other, hours=6)
        flows.sweep()
    assert 11 <= requests_to(lasting) == held(link).generation - 1 <= 17
    assert lasting.accepts(BufferClient(link).get_access_token())
    assert [held(other).status for other in never_due] == ["active", "revoked"]


@pytest.mark.long
@RESTING
def test_nor_do_many_of_them_that_have_been_due_for_longer(sandbox, user, choose, policy):
    """They are more than one claim takes."""
    choose(policy, TIMING={"IN_FLIGHT": 1})
    for number in range(40):
        make_due(link_to(sandbox, user, account=f"doubtful-{number}"))
    BufferLink.objects.update(
        sent_generation=1,
        sent_at=timezone.now(),
        expires_at=timezone.now() + timedelta(hours=1),
        refresh_due_at=timezone.now() - timedelta(hours=1),
    )
    link = link_to(sandbox, user)
    assert lies(refreshed(link, used=None), DAILY)
    assert requests_to(sandbox) == 1
    assert BufferLink.objects.exclude(pk=link.pk).filter(lease_owner=None).count() == 40


@RESTING
def test_a_call_makes_nothing_due_that_cannot_be_refreshed(lasting, never_due, choose, policy):
    choose(policy)
    for link in never_due:
        assert lasting.accepts(BufferClient(link).get_access_token(min_ttl=2 * HOUR))
        row = held(link)
        assert (row.refresh_due_at, row.last_used_at is None) == (None, False)
    assert (flows.sweep(), requests_to(lasting)) == (0, 0)


@RESTING
def test_a_key_in_use_is_well_without_a_refresh(lasting, user, choose, policy):
    choose(policy)
    key = key_of(lasting, user)
    BufferClient(key).get_access_token()
    age(key, days=2)
    flows.sweep()
    read = status.read()
    assert (read.due.count, judge(read, Limits())) == (0, [])
    assert (held(key).generation, held(key).lease_owner) == (1, None)


@RESTING
def test_a_call_waits_for_what_is_held_back_and_sends_nothing(sandbox, link, choose, policy):
    choose(policy)
    hold_back(link)
    assert BufferClient(link).get_access_token() == tokens_of(link)[0]
    pass_time(sandbox, link, hours=5)
    ServiceState.objects.create(name="brake", opened_at=timezone.now())
    with pytest.raises(TokenUnavailable):
        BufferClient(link).get_access_token()
    assert (flows.sweep(), requests_to(sandbox), held(link).is_active) == (0, 0, True)


@RESTING
def test_what_was_held_back_goes_on_in_its_rhythm(sandbox, link, choose, policy):
    choose(policy)
    hold_back(link)
    ServiceState.objects.create(name="brake", opened_at=timezone.now())
    pass_time(sandbox, link, hours=5)
    assert (flows.sweep(), held_back.retry()) == (0, 1)
    flows.sweep()
    assert lies(due_after_store(link), DAILY)
    assert requests_to(sandbox) == 1
