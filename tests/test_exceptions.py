import copy
import pickle

import pytest

from buffer_connect import exceptions
from buffer_connect.exceptions import BufferConnectError, DecryptionFailed

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
    exceptions.KeyUnavailable("2026-11"),
    exceptions.Tampered(),
    exceptions.UnknownVersion(9),
]


def named(error):
    return type(error).__name__


@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_every_error_belongs_to_the_one_tree(error):
    assert isinstance(error, BufferConnectError)


@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_every_error_survives_a_worker_pool_with_its_data(error):
    copied = pickle.loads(pickle.dumps(error))
    assert (type(copied), str(copied), vars(copied)) == (type(error), str(error), vars(error))


def test_an_error_can_be_copied():
    assert copy.copy(exceptions.RateLimited(5.0, "24h")).window == "24h"


def test_failures_to_open_a_secret_are_of_one_kind():
    kinds = (exceptions.KeyUnavailable, exceptions.Tampered, exceptions.UnknownVersion)
    assert all(issubclass(kind, DecryptionFailed) for kind in kinds)


def test_text_from_the_provider_cannot_break_a_log_line():
    error = exceptions.AuthorizationFailed("access_denied\r\nlevel=info forged")
    assert str(error).splitlines() == [str(error)]


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
