"""A setting that cannot be used, met by a worker: no system check runs there."""

import contextlib

import pytest
from django.core.exceptions import ImproperlyConfigured

from buffer_connect import flows
from buffer_connect.client import BufferClient
from buffer_connect.conf import NAMES, PATHS
from tests.links import age, link_to
from tests.refresh.steps import is_refreshed, phase, requests_to

WRONG = [
    *({name: 0.5} for name in NAMES),
    *({"ENDPOINTS": {name: "buffer"}} for name in PATHS),
    {"REFRESH_POLICY": "activ"},
    {"TIMING": {"LEESE": 1}},
    {"MISSPELT": True},
]


def sweep(link):
    flows.sweep()


def call(link):
    BufferClient(link).get_access_token()


@pytest.fixture
def link(sandbox, user):
    link = link_to(sandbox, user)
    age(link, hours=2)
    return link


@pytest.mark.parametrize("wrong", WRONG, ids=str)
@pytest.mark.parametrize("act", [sweep, call])
def test_a_wrong_setting_is_met_before_anything_is_sent_or_not_at_all(
    sandbox, link, settings, act, wrong
):
    right = settings.BUFFER_CONNECT
    settings.BUFFER_CONNECT = {**right, **wrong}
    with contextlib.suppress(ImproperlyConfigured):
        act(link)
    settings.BUFFER_CONNECT = right
    untouched = phase(link) == ("IDLE", 0) and requests_to(sandbox) == 0
    assert untouched or is_refreshed(sandbox, link)


@pytest.mark.parametrize("wrong", [{"REFRESH_POLICY": "activ"}, {"CLIENT_ID": ""}], ids=str)
@pytest.mark.parametrize("act", [sweep, call])
def test_it_is_said_what_is_wrong(link, settings, act, wrong):
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, **wrong}
    (name,) = wrong
    with pytest.raises(ImproperlyConfigured, match=name):
        act(link)
