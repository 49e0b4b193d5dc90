"""Whose access token is it? The account query tells that, and whether the API accepts the token."""

import logging
from time import monotonic

from buffer_connect import graphql, transport
from buffer_connect.conf import conf
from buffer_connect.exceptions import BufferAPIError, BufferUnavailable, RateLimited
from buffer_connect.graphql import Account, Answer
from buffer_connect.sealing import Secret

logger = logging.getLogger(__name__)

# A query may be repeated; a person waits for the answer.
TRIES = 2
WITHIN = 10.0


def ask_account(access_token: Secret, *, total: float) -> Answer:
    """Send the account query, in at most `total` seconds. Raises `BufferUnavailable`."""
    query = graphql.payload(graphql.ACCOUNT_QUERY, {})
    return transport.call_api(access_token, query, total=min(total, conf.timing.api))


def account_in(answer: Answer) -> Account | None:
    """Return the account that `answer` tells of, or None when it tells of none.

    Raises `BufferUnavailable` or `RateLimited` when the API could not answer.
    """
    try:
        data = graphql.raise_for_errors(answer)
    except BufferAPIError as error:
        # Part of the data may have come, and in it what tells the account.
        data = error.data or {}
    return graphql.read_account(data)


def account_of(access_token: Secret) -> Account | None:
    """Return the Buffer account that `access_token` speaks for, or None when Buffer does not say."""
    ends_at = monotonic() + WITHIN
    for tries_left in range(TRIES, 0, -1):
        try:
            return account_in(ask_account(access_token, total=(ends_at - monotonic()) / tries_left))
        except BufferUnavailable:
            logger.warning("account=unknown error=unavailable tries_left=%s", tries_left - 1)
        except RateLimited:
            break
    return None
