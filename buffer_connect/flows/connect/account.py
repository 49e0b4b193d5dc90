"""Whose tokens are these? A link is the link of an account, so nothing is stored before that is known."""

import logging
from time import monotonic

from buffer_connect import graphql, transport
from buffer_connect.conf import conf
from buffer_connect.exceptions import BufferAPIError, BufferUnavailable, RateLimited
from buffer_connect.graphql import Account
from buffer_connect.sealing import Secret

logger = logging.getLogger(__name__)

# A query may be repeated; a person waits for the answer.
TRIES = 2
WITHIN = 10.0


def account_of(access_token: Secret) -> Account | None:
    """Return the Buffer account that `access_token` speaks for, or None when Buffer does not say."""
    ends_at = monotonic() + WITHIN
    for tries_left in range(TRIES, 0, -1):
        try:
            share = (ends_at - monotonic()) / tries_left
            return _ask(access_token, total=min(share, conf.timing.api))
        except BufferUnavailable:
            logger.warning("account=unknown error=unavailable tries_left=%s", tries_left - 1)
        except BufferAPIError as error:
            # Part of the data may have come, and in it what tells the account.
            return graphql.read_account(error.data or {})
        except RateLimited:
            break
    return None


def _ask(access_token: Secret, *, total: float) -> Account | None:
    query = graphql.payload(graphql.ACCOUNT_QUERY, {})
    answer = transport.call_api(access_token, query, total=total)
    return graphql.read_account(graphql.raise_for_errors(answer))
