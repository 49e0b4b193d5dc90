"""A wrong client secret ends nothing."""

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from buffer_connect import flows
from buffer_connect.client import BufferClient
from buffer_connect.exceptions import TokenUnavailable
from buffer_connect.flows.refresh import breaker
from buffer_connect.flows.refresh.breaker import PROBE_EVERY
from buffer_connect.models import BufferLink, ServiceState
from tests.links import age, held, link_to, make_due


@pytest.fixture
def links(sandbox, user, settings):
    one_by_one = {"TIMING": {"IN_FLIGHT": 1}}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, **one_by_one}
    links = [link_to(sandbox, user, account=f"account-{n}") for n in range(1, 8)]
    for link in links:
        make_due(link)
    return links


@pytest.fixture
def wrong_secret(links, settings):
    right = settings.BUFFER_CONNECT
    settings.BUFFER_CONNECT = {**right, "CLIENT_SECRET": "not-the-secret"}
    return right


def test_one_refusal_stops_all_sending(sandbox, links, wrong_secret):
    flows.sweep()
    flows.sweep()
    assert len(sandbox.requests_to("token")) == 1
    assert BufferLink.objects.active().count() == len(links)
    assert not BufferLink.objects.exclude(sent_generation=None).exists()


def test_no_more_are_refused_than_were_out(sandbox, links, wrong_secret, settings):
    timing = {"TIMING": {"IN_FLIGHT": 3}}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, **timing}
    flows.sweep()
    assert 1 <= len(sandbox.requests_to("token")) <= 3
    assert not BufferLink.objects.exclude(sent_generation=None).exists()


def test_a_corrected_secret_goes_on_at_once(sandbox, links, wrong_secret, settings):
    flows.sweep()
    settings.BUFFER_CONNECT = wrong_secret
    for link in links:
        age(link, minutes=5)
    flows.sweep()
    assert {held(link).generation for link in links} == {2}


def test_callers_are_told_to_wait_and_never_probe(sandbox, links, wrong_secret):
    flows.sweep()
    age(links[0], hours=2)
    with pytest.raises(TokenUnavailable):
        BufferClient(links[0]).get_access_token()
    assert len(sandbox.requests_to("token")) == 1


def test_a_probe_that_is_accepted_closes_the_breaker(sandbox, links):
    sandbox.fail_next("invalid_client")
    flows.sweep()
    ServiceState.objects.update(probe_at=F("probe_at") - PROBE_EVERY)
    for link in links:
        age(link, minutes=5)
    flows.sweep()
    assert {held(link).generation for link in links} == {2}


@pytest.mark.long
def test_a_probe_that_is_refused_tries_one_link_only(sandbox, links, wrong_secret):
    flows.sweep()
    ServiceState.objects.update(probe_at=F("probe_at") - PROBE_EVERY)
    for link in links:
        age(link, minutes=5)
    flows.sweep()
    assert len(sandbox.requests_to("token")) == 2


def test_links_that_cannot_be_opened_do_not_use_up_the_probe(sandbox, links):
    sandbox.fail_next("invalid_client")
    flows.sweep()
    ServiceState.objects.update(probe_at=F("probe_at") - PROBE_EVERY)
    for link in links:
        age(link, minutes=5)
    *blocked, last = BufferLink.objects.order_by("refresh_due_at").values_list("pk", flat=True)
    BufferLink.objects.filter(pk__in=blocked).update(refresh_token=b"\x01\x01x" + bytes(40))
    flows.sweep()
    assert BufferLink.objects.get(pk=last).generation == 2


def test_nor_the_leave_to_send_however_many_they_are(sandbox, user, links):
    for number in range(40):
        make_due(link_to(sandbox, user, account=f"blocked-{number}"))
    BufferLink.objects.exclude(pk=links[-1].pk).update(refresh_token=b"\x01\x01x" + bytes(40))
    BufferLink.objects.filter(pk=links[-1].pk).update(refresh_due_at=timezone.now())
    breaker.open_()
    ServiceState.objects.update(probe_at=F("probe_at") - PROBE_EVERY)
    flows.sweep()
    assert len(sandbox.requests_to("token")) == 1
    assert not breaker.is_open()


@pytest.mark.long
def test_a_probe_without_an_answer_closes_nothing(sandbox, links):
    sandbox.fail_next("invalid_client")
    sandbox.fail_next("outage")
    flows.sweep()
    ServiceState.objects.update(probe_at=F("probe_at") - PROBE_EVERY)
    for link in links:
        age(link, minutes=5)
    flows.sweep()
    assert ServiceState.objects.filter(name="breaker", opened_at__isnull=False).exists()
    assert len(sandbox.requests_to("token")) == 2


def opened(caplog):
    """What was told of the breaker's opening."""
    return [record for record in caplog.records if "breaker=open" in record.message]


def test_the_breaker_says_what_to_correct(sandbox, links, wrong_secret, caplog):
    flows.sweep()
    (record,) = opened(caplog)
    assert (record.levelname, record.name) == ("ERROR", "buffer_connect.flows.refresh.breaker")
    assert "correct BUFFER_CONNECT" in record.message


@pytest.mark.long
def test_it_says_so_once_however_many_are_refused(
    sandbox, links, wrong_secret, settings, caplog, slow_until
):
    timing = {"TIMING": {"IN_FLIGHT": 7}}
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, **timing}
    # Others are out before the first answer is there.
    sandbox.fail_next("invalid_client", 7, seconds=1)
    slow_until(2)
    flows.sweep()
    sent = len(sandbox.requests_to("token"))
    assert sent > 1
    ServiceState.objects.update(probe_at=F("probe_at") - PROBE_EVERY)
    for link in links:
        age(link, minutes=5)
    flows.sweep()
    assert len(sandbox.requests_to("token")) == sent + 1
    assert len(opened(caplog)) == 1


@pytest.fixture
def rested(db):
    """A breaker that has been open for long enough that a link may be tried."""
    breaker.open_()
    ServiceState.objects.update(probe_at=F("probe_at") - PROBE_EVERY)


def test_a_breaker_that_has_just_opened_is_not_probed(db):
    breaker.open_()
    assert not breaker.take_probe()


def test_one_caller_takes_the_probe(rested):
    assert [breaker.take_probe(), breaker.take_probe()] == [True, False]


def test_a_breaker_that_was_closed_is_not_probed(rested):
    breaker.close()
    assert not breaker.take_probe()


def test_nor_is_that_of_another_client(rested, settings):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "CLIENT_SECRET": "another"}
    assert not breaker.take_probe()


def test_who_finds_it_closed_by_another_says_nothing(rested, caplog):
    def close_meanwhile(execute, sql, params, many, context):
        answer = execute(sql, params, many, context)
        if "SELECT" in sql:
            ServiceState.objects.update(opened_at=None)
        return answer

    with connection.execute_wrapper(close_meanwhile):
        breaker.close()
    assert "breaker=closed" not in caplog.text


def test_who_finds_it_opened_by_another_opens_that_one(db):
    ServiceState.objects.create(name="brake")

    def open_meanwhile(execute, sql, params, many, context):
        if sql.startswith("SAVEPOINT"):
            ServiceState.objects.create(name="breaker")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(open_meanwhile):
        breaker.open_()
    assert breaker.is_open()
    assert ServiceState.objects.get(name="brake").opened_at is None
