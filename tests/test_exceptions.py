import copy
import pickle

import pytest
from celery import Celery

from buffer_connect import exceptions
from buffer_connect.exceptions import BufferConnectError, DecryptionFailed
from tests.links import link_to, tokens_of

EXAMPLES = [
    exceptions.AuthorizationFailed("access_denied", "The user said no"),
    exceptions.NotLinked("user"),
    exceptions.AmbiguousLink(["one", "two"]),
    exceptions.MissingScope("link", ["posts:write"]),
    exceptions.LinkRevoked("link", "expired"),
    exceptions.TokenUnavailable(),
    exceptions.BufferUnavailable("no answer", 3.0),
    exceptions.RateLimited(60.0, "15m"),
    exceptions.BufferAPIError([{"extensions": {"code": "FORBIDDEN"}}], {"account": None}),
    exceptions.APIKeyRefused(),
    exceptions.MutationFailed("LimitReachedError", "The queue is full", {"createPost": {}}),
    exceptions.KeyUnavailable("2026-11"),
    exceptions.Tampered(),
    exceptions.UnknownVersion(9),
]


def named(error):
    return type(error).__name__


def through_json(error):
    """Return what Celery makes of `error` where results are JSON."""
    backend = Celery("site", backend="cache+memory://", set_as_current=False).backend
    return backend.exception_to_python(
        backend.decode(backend.encode(backend.prepare_exception(error)))
    )


@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_every_error_belongs_to_the_one_tree(error):
    assert isinstance(error, BufferConnectError)


@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_every_error_survives_a_worker_pool_with_its_data(error):
    copied = pickle.loads(pickle.dumps(error))
    assert (type(copied), str(copied), vars(copied)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_every_error_survives_a_result_of_celery_in_json(error):
    restored = through_json(error)
    assert (type(restored), str(restored)) == (type(error), str(error))
    assert restored.args == error.args


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [exceptions.LinkRevoked, exceptions.MissingScope])
def test_an_error_names_its_link_in_json_and_tells_no_secret(sandbox, user, kind):
    link = link_to(sandbox, user)
    error = kind(link, "expired")
    carried = pickle.dumps(error) + repr(error).encode()
    assert through_json(error).link == str(link.uid)
    assert not [token for token in tokens_of(link) if token.encode() in carried]


@pytest.mark.django_db
def test_an_error_in_json_tells_no_more_of_a_user_than_the_key(user):
    assert exceptions.NotLinked(user).args == (str(user.pk),)


def test_an_error_in_json_tells_no_more_of_an_answer_than_the_text():
    error = through_json(exceptions.BufferAPIError([{"message": "echo"}, 3], {"echo": "of a body"}))
    assert error.codes == ("no code", "no code")
    assert "echo" not in repr(error)


@pytest.mark.parametrize(
    ("error", "where"),
    [
        (exceptions.KeyUnavailable("2026-11"), ["ENCRYPTION_KEYS", "2026-11", "buffer_status"]),
        (exceptions.Tampered(), ["ENCRYPTION_KEYS", "buffer_rotate_keys --dry-run"]),
        (exceptions.UnknownVersion(9), ["version 9", "release"]),
    ],
    ids=["KeyUnavailable", "Tampered", "UnknownVersion"],
)
def test_what_does_not_open_tells_an_operator_where_to_look(error, where):
    assert [each for each in where if each not in str(error)] == []


def test_an_error_can_be_copied():
    assert copy.copy(exceptions.RateLimited(5.0, "24h")).window == "24h"


def test_failures_to_open_a_secret_are_of_one_kind():
    kinds = (exceptions.KeyUnavailable, exceptions.Tampered, exceptions.UnknownVersion)
    assert all(issubclass(kind, DecryptionFailed) for kind in kinds)


def test_text_from_the_provider_cannot_break_a_log_line():
    error = exceptions.AuthorizationFailed("access_denied\r\nlevel=info forged")
    assert str(error).splitlines() == [str(error)]


def test_what_buffer_says_of_a_mutation_is_cut_and_cannot_break_a_log_line():
    error = exceptions.MutationFailed("InvalidInputError", "too\r\nlong" + "x" * 999, {})
    assert str(error).startswith("Buffer refused the mutation: InvalidInputError: too\\r\\nlongx")
    assert len(str(error)) < 300
    assert len(error.message) == 1008


def test_the_text_of_an_api_error_names_codes_and_nothing_else():
    error = exceptions.BufferAPIError(
        [
            {"message": "echo of a body", "extensions": {"code": "FORBIDDEN"}},
            {"message": "deep"},
            3,
        ],
        {"echo": "of a body"},
    )
    assert str(error) == "Buffer's API answered with errors: FORBIDDEN, no code, no code"
