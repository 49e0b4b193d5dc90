"""The database is lost between what the user granted and the link: nothing is lost by that."""

import pytest
from django.db import OperationalError, connection

from buffer_connect.models import AuthorizationRequest, BufferLink

MADE, CLOSED = "epoch =", 'UPDATE "buffer_connect_authorizationrequest" SET "verifier"'


@pytest.fixture
def lost_at():
    """Return a function that lets the connection break at a piece of SQL, the first time."""

    def lost_at(piece):
        def lose(execute, sql, params, many, context):
            if piece in sql.replace("`", '"') and not lost:
                lost.append(sql)
                raise OperationalError("the server closed the connection")
            return execute(sql, params, many, context)

        lost = []
        return connection.execute_wrapper(lose), lost

    return lost_at


@pytest.mark.parametrize("piece", [MADE, CLOSED], ids=["the link", "the request"])
def test_what_the_user_granted_is_stored_over_a_new_connection(
    transactional_db, person, sandbox, lost_at, piece
):
    wrapper, lost = lost_at(piece)
    with wrapper:
        person.connect()
    link = BufferLink.objects.get()
    assert (link.is_active, len(lost)) == (True, 1)
    assert AuthorizationRequest.objects.get().outcome == "linked"
    assert len(sandbox.requests_to("token")) == 1
