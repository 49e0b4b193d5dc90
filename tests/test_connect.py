"""The main path: begin, decide, come back, linked."""

import pytest

from buffer_connect.models import BufferLink

pytestmark = pytest.mark.django_db


def test_a_person_links_an_account(person, user):
    response = person.connect()
    link = BufferLink.objects.get(user=user)
    assert (response.status_code, response["Location"]) == (303, "/buffer/")
    assert (link.status, link.account_id) == ("active", "account-1")
