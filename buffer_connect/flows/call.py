"""Calling Buffer's API as a link's user, and what a 401 means. All of it flows, see `steps`."""

import logging
from collections.abc import Mapping
from concurrent.futures import TimeoutError as Overdue
from contextlib import suppress
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import Any

from buffer_connect import graphql, transport
from buffer_connect.conf import conf
from buffer_connect.exceptions import BufferUnavailable, LinkRevoked, TokenUnavailable
from buffer_connect.flows.account import ask_account
from buffer_connect.flows.environment import EnvironmentKey
from buffer_connect.flows.instance import require_ours
from buffer_connect.flows.refresh import endings
from buffer_connect.flows.refresh.hold import ENOUGH, hold, is_good
from buffer_connect.flows.refresh.policy import USE_NOTED_EVERY
from buffer_connect.flows.refresh.worker import worker
from buffer_connect.flows.steps import Awaited, Flow, Request
from buffer_connect.models import BufferLink, statements
from buffer_connect.models.waiting import retry_at
from buffer_connect.sealing import Secret

logger = logging.getLogger(__name__)

# Whatever has an access token to call Buffer with.
Source = BufferLink | EnvironmentKey


def ask(link: Source, payload: Mapping[str, Any]) -> Flow[graphql.Answer]:
    """Send one GraphQL request as the user of `link` and return the answer, errors and all.

    A 401 costs one forced refresh and one repeat, which is safe: what was refused was not run. It
    ends an API key, which has no successor. Nothing else is repeated. Raises `LinkRevoked`,
    `TokenUnavailable`, `DecryptionFailed`, or `BufferUnavailable` when no answer came.
    """
    current = yield from usable(link)
    answer = yield from _send(current, payload)
    if not answer.unauthenticated:
        return answer
    renewed = yield from renew(current, by_http=answer.http_unauthorized)
    if _is_same(renewed, current):
        if answer.http_unauthorized:
            raise TokenUnavailable
        return answer
    answer = yield from _send(renewed, payload)
    if answer.http_unauthorized:
        yield from renew(renewed, by_http=True)
        raise TokenUnavailable
    return answer


def usable(link: Source, min_ttl: timedelta = ENOUGH) -> Flow[Source]:
    """Return `link` as it stands, with an access token that is good for `min_ttl`.

    One query when the token is good already. Raises `LinkRevoked`, `TokenUnavailable` or
    `DecryptionFailed`.
    """
    if isinstance(link, EnvironmentKey):
        return link
    current = _active(link)
    if not is_good(current, min_ttl):
        current = yield from hold(current, min_ttl, just_read=True)
    _note_use(current)
    return current


def unauthorized(link: Source, refused: Secret) -> Flow[Source]:
    """The API answered 401 to `refused`, an access token of `link`: return the link with another.

    A token that is not held any more says nothing against the one that is. Raises as `usable`.
    """
    if isinstance(link, EnvironmentKey):
        return link.renewed(by_http=True)
    current = _active(link)
    if current.open_access_token() != refused:
        return (yield from usable(link))
    renewed = yield from renew(current, by_http=True)
    if _is_same(renewed, current):
        raise TokenUnavailable
    return renewed


def renew(link: Source, *, by_http: bool) -> Flow[Source]:
    """The API refused the access token of `link`'s generation: return the link with another.

    `by_http` says that the refusal was an HTTP 401; only that is evidence against the link.
    Returns the same generation when no new token is due. Raises as `usable`.
    """
    if isinstance(link, EnvironmentKey):
        return link.renewed(by_http=by_http)
    key = ("reject", link.pk, link.epoch, link.generation, by_http)
    give_up_at = monotonic() + conf.timing.call_wait
    rejected = worker.submit(key, lambda: _reject(link, by_http=by_http))
    try:
        yield from Awaited(rejected, conf.timing.call_wait)
    except Overdue:
        raise TokenUnavailable from None
    return (yield from hold(link, after=key, wait=max(0.0, give_up_at - monotonic())))


def _reject(link: BufferLink, *, by_http: bool) -> None:
    if link.is_api_key:
        if by_http or is_refused(access_token(link)):
            endings.unauthorized(link)
    elif link.refresh_token is None:
        if by_http:
            endings.refuse_unrefreshable(link)
    elif statements.reject(pk=link.pk, epoch=link.epoch, generation=link.generation):
        logger.info("link=%s generation=%s access_token=rejected", link.uid, link.generation)
    elif by_http:
        endings.unauthorized(link)


def is_refused(key: Secret) -> bool:
    """Return whether the API does not accept `key`, to which it answered UNAUTHORIZED with 200.

    That may also be about what was asked; the account query may always be asked.
    """
    with suppress(BufferUnavailable):
        return ask_account(key, total=conf.timing.call_wait).unauthenticated
    return False


def access_token(link: Source) -> Secret:
    """Return the access token of a link that is `usable`. Raises `DecryptionFailed`."""
    if isinstance(link, EnvironmentKey):
        return link.key
    token = link.open_access_token()
    if token is None:
        raise TokenUnavailable(retry_at=retry_at(link))
    return token


def _active(link: BufferLink) -> BufferLink:
    current = statements.read(link.pk)
    if current is None:
        raise LinkRevoked(link, BufferLink.Status.DISCONNECTED)
    if not current.is_active:
        raise LinkRevoked(current, current.reason or current.status)
    require_ours(current)
    return current


def _send(link: Source, payload: Mapping[str, Any]) -> Flow[graphql.Answer]:
    token, total = access_token(link), conf.timing.api
    return (yield from Request(partial(transport.call_api, token, dict(payload), total=total)))


def _is_same(one: Source, other: Source) -> bool:
    return (one.epoch, one.generation) == (other.epoch, other.generation)


def _note_use(link: BufferLink) -> None:
    used = link.last_used_at
    if used is None or link.database_now - used >= USE_NOTED_EVERY:
        worker.submit(("used", link.pk), lambda: statements.note_use(pk=link.pk))
