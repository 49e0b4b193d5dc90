"""Where a finished connect leads."""

import pytest

from buffer_connect.models import AuthorizationRequest
from tests.people import CONNECT

pytestmark = pytest.mark.django_db

NOT_ALLOWED = [
    "//evil.test/",
    "https://evil.test/",
    "javascript:alert(1)",
    "/there/\r\nSet-Cookie: a=b",
    "/" + "a" * 1_000_000,
]
MORE = [
    "///evil.test/",
    "/\\evil.test/",
    "\\\\evil.test/",
    "https:evil.test",
    "https:///evil.test",
    "http://testserver.evil.test/",
    "http://testserver@evil.test/",
    "data:text/html,x",
    "ftp://testserver/",
    " //evil.test",
    "\t//evil.test",
    "/there/\x00",
    "\x1b/there/",
    "http://[",
    "/" + "a" * 2000,
    "/" + "ä" * 500,
]
shortened = pytest.mark.parametrize(
    "url",
    [*NOT_ALLOWED, *(pytest.param(url, marks=pytest.mark.long) for url in MORE)],
    ids=lambda url: repr(url[:30]),
)


@shortened
def test_a_next_that_is_not_allowed_becomes_the_links_page(person, url):
    query = person.decide(person.begin(next=url))
    assert AuthorizationRequest.objects.get().next_url == ""
    assert person.come_back(query)["Location"] == "/buffer/"


@pytest.mark.long
@shortened
def test_a_stored_next_is_checked_again(person, url):
    query = person.decide(person.begin())
    AuthorizationRequest.objects.update(next_url=url.replace("\x00", "\x01"))
    assert person.come_back(query)["Location"] == "/buffer/"


@pytest.mark.long
@shortened
def test_the_page_repeats_no_next_that_is_not_allowed(person, url):
    page = person.client.get(CONNECT, {"next": url})
    assert page.status_code == 200
    assert b'name="next"' not in page.content


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("/there/", "/there/"),
        ("/there/?a=b&c=d#e", "/there/?a=b&c=d#e"),
        ("/ä/", "/%C3%A4/"),
        ("http://testserver/there/", "http://testserver/there/"),
        ("/" + "a" * 1999, "/" + "a" * 1999),
    ],
    ids=lambda url: url[:20],
)
def test_an_allowed_next_is_followed(person, url, location):
    assert person.connect(fields={"next": url})["Location"] == location


def test_the_page_hands_next_on(person):
    page = person.client.get(CONNECT, {"next": '/there/?a="b"', "scope": "posts:read"})
    assert b'name="next" value="/there/?a=&quot;b&quot;"' in page.content
    assert b'name="scope" value="posts:read"' in page.content


def test_the_sites_default_takes_the_place_of_none(person, change):
    change(DEFAULT_NEXT_URL="/home/")
    assert person.connect()["Location"] == "/home/"


def test_the_sites_default_takes_the_place_of_a_bad_one(person, change):
    change(DEFAULT_NEXT_URL="/home/")
    assert person.connect(fields={"next": "//evil.test"})["Location"] == "/home/"


def test_the_address_of_another_host_of_the_site_is_not_followed_back_here(person):
    query = person.decide(person.begin(next="http://testserver/there/"))
    response = person.come_back(query, headers={"Host": "localhost"})
    assert response["Location"] == "/buffer/"


def test_over_https_only_https_is_followed(person):
    query = person.decide(person.begin(next="http://testserver/there/"))
    assert person.come_back(query, secure=True)["Location"] == "/buffer/"
