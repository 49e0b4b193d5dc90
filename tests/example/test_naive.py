"""What becomes of usual code when workers meet and answers are lost."""

from datetime import timedelta

import pytest
import requests
from django.utils import timezone

from example_project import naive, trouble
from example_project.models import UsualLink


@pytest.fixture
def usual_link(site, user):
    """Give back a maker of links of the usual code whose access token has ended."""

    def make(*, row_lock):
        trouble.start_usual_code(user)
        UsualLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        return UsualLink.objects.get(row_lock=row_lock)

    return make


def held(sandbox, link):
    return sandbox.grant_of(UsualLink.objects.get(pk=link.pk).refresh_token)


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_usual_code_loses_its_link_when_two_workers_meet(usual_link, sandbox, meeting):
    link = usual_link(row_lock=False)
    meeting(held(sandbox, link))
    trouble.at_once([lambda: trouble.use(link, trouble.fetch_token)] * 2)
    assert held(sandbox, link).reuse_detected


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_a_row_lock_cures_that_race(usual_link, sandbox):
    link = usual_link(row_lock=True)
    sandbox.fail_next("slow", times=2, seconds=0.3)
    trouble.at_once([lambda: trouble.use(link, trouble.fetch_token)] * 2)
    assert not held(sandbox, link).revoked
    assert len(sandbox.requests_to("token")) == 1


@pytest.mark.django_db(transaction=True)
def test_a_lost_answer_costs_usual_code_its_link_row_lock_or_not(usual_link, sandbox):
    link = usual_link(row_lock=True)
    sandbox.fail_next("lose_answer")
    with pytest.raises(requests.ConnectionError):
        naive.access_token_with_row_lock(link.pk)
    with pytest.raises(requests.HTTPError):
        naive.access_token_with_row_lock(link.pk)
    assert held(sandbox, link).reuse_detected


@pytest.mark.django_db
def test_usual_code_refreshes_when_nothing_goes_wrong(usual_link, sandbox):
    link = usual_link(row_lock=False)
    assert sandbox.accepts(naive.access_token(link.pk))
    assert sandbox.is_current(UsualLink.objects.get(pk=link.pk).refresh_token)
