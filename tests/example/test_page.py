"""The page with the two cards, and what its buttons do."""

import uuid

import pytest

from buffer_connect.models import BufferLink
from example_project import receivers, trouble
from example_project.models import Line
from tests.example.links import connected


def test_a_stranger_sees_the_way_in(site, client, db):
    assert "Sign in as the demo user" in client.get("/").content.decode()


def test_nobody_signs_in_without_a_password_outside_of_the_demo(site, client, db, settings):
    settings.DEBUG = False
    assert client.post("/sign-in/").status_code == 404


def test_the_page_shows_both_cards(site, client, user):
    connected(site, user)
    trouble.start_usual_code(user)
    client.force_login(user)
    page = client.get("/").content.decode()
    assert 'id="package"' in page
    assert 'id="usual"' in page
    assert 'id="row_lock"' in page


def test_the_page_shows_sealed_and_plain_tokens_for_what_they_are(site, client, user):
    sealed = bytes(connected(site, user).refresh_token)
    trouble.start_usual_code(user)
    client.force_login(user)
    stored = client.get("/").context
    assert stored["package"].stored.startswith(sealed[:20].hex(" ", 2))
    assert stored["usual"][0].stored.startswith(trouble.usual_links(user)[0].refresh_token[:12])


def test_the_page_works_without_the_sandbox(site, client, user):
    connected(site, user)
    client.force_login(user)
    site.stop()
    assert client.get("/").status_code == 200


def test_the_page_works_in_front_of_buffer_itself(settings, client, user):
    settings.ROOT_URLCONF = "example_project.urls"
    client.force_login(user)
    assert "It shows with the sandbox only." in client.get("/").content.decode()
    assert client.post("/press/revoke/").status_code == 404


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_two_workers_leave_the_package_s_link_alive(site, client, user, meeting):
    link = connected(site, user)
    trouble.start_usual_code(user)
    client.force_login(user)
    meeting(site.grant_of(trouble.usual_links(user)[0].refresh_token))
    client.post("/press/two-workers/")
    alive = {card: grant["revoked_at"] is None for card, grant in trouble.grants(user).items()}
    assert alive == {"package": True, "usual": False, "row_lock": True}
    assert BufferLink.objects.get(pk=link.pk).generation == 2


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_a_lost_answer_leaves_the_package_s_link_at_work(site, client, user):
    connected(site, user)
    trouble.start_usual_code(user)
    client.force_login(user)
    client.post("/press/lose-answer/")
    page = client.get("/").context
    assert page["package"].status == "Connected, in doubt"
    assert "API call answered" in [line.text for line in page["package"].lines]
    assert [card.truth.is_alive for card in page["usual"]] == [False, False]


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_a_revocation_is_told_by_the_package_only(site, client, user, listening):
    connected(site, user)
    trouble.start_usual_code(user)
    client.force_login(user)
    client.post("/press/revoke/")
    page = client.get("/").context
    assert page["package"].link.reason == BufferLink.Reason.REVOKED_AT_BUFFER
    assert "Ended: ended by Buffer (revoked_at_buffer)" in [
        line.text for line in page["package"].lines
    ]
    assert [card.status for card in page["usual"]] == ["Connected", "Connected"]


def test_an_event_that_is_told_twice_is_one_line(db, sandbox, user):
    told = {"link": connected(sandbox, user), "reason": "expired", "event_id": uuid.uuid4()}
    receivers.note_revoked(**told)
    receivers.note_revoked(**told)
    assert Line.objects.count() == 1
