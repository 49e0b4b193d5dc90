"""Calling Buffer's API as a link's user, and what a 401 means."""

import logging
from collections.abc import Mapping
from concurrent.futures import TimeoutError as Overdue
from datetime import timedelta
from time import monotonic
from typing import Any

from buffer_connect import graphql, transport
from buffer_connect.conf import conf
from buffer_connect.exceptions import LinkRevoked, TokenUnavailable
from buffer_connect.flows.refresh import endings
from buffer_connect.flows.refresh.hold import ENOUGH, hold, is_good
from buffer_connect.flows.refresh.worker import worker
from buffer_connect.models import BufferLink, statements
from buffer_connect.sealing import Secret

logger = logging.getLogger(__name__)

USE_NOTED_EVERY = timedelta(days=1)


def execute(link: BufferLink, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Send one GraphQL request as the user of `link` and return its data.

    A 401 costs one forced refresh and one repeat, which is safe: what was refused was not run.
    Nothing else is repeated. Raises what `BufferClient.execute` documents.
    """
    current = usable(link)
    answer = _ask(current, payload)
    if not answer.unauthenticated:
        return graphql.raise_for_errors(answer)
    renewed = renew(current, by_http=answer.http_unauthorized)
    if _is_same(renewed, current):
        if answer.http_unauthorized:
            raise TokenUnavailable
        return graphql.raise_for_errors(answer)
    answer = _ask(renewed, payload)
    if answer.http_unauthorized:
        renew(renewed, by_http=True)
        raise TokenUnavailable
    return graphql.raise_for_errors(answer)


def usable(link: BufferLink, min_ttl: timedelta = ENOUGH) -> BufferLink:
    """Return `link` as it stands, with an access token that is good for `min_ttl`.

    One query when the token is good already. Raises `LinkRevoked`, `TokenUnavailable` or
    `DecryptionFailed`.
    """
    current = _active(link)
    if not is_good(current, min_ttl):
        current = hold(link, min_ttl)
    _note_use(current)
    return current


def unauthorized(link: BufferLink, refused: Secret) -> BufferLink:
    """The API answered 401 to `refused`, an access token of `link`: return the link with another.

    A token that is not held any more says nothing against the one that is. Raises as `usable`.
    """
    current = _active(link)
    if current.open_access_token() != refused:
        return usable(link)
    renewed = renew(current, by_http=True)
    if _is_same(renewed, current):
        raise TokenUnavailable
    return renewed


def renew(link: BufferLink, *, by_http: bool) -> BufferLink:
    """The API refused the access token of `link`'s generation: return the link with another.

    `by_http` says that the refusal was an HTTP 401; only that is evidence against the link.
    Returns the same generation when no new token is due. Raises as `usable`.
    """
    key = ("reject", link.pk, link.epoch, link.generation, by_http)
    give_up_at = monotonic() + conf.timing.call_wait
    rejected = worker.submit(key, lambda: _reject(link, by_http=by_http))
    try:
        rejected.result(timeout=conf.timing.call_wait)
    except Overdue:
        raise TokenUnavailable from None
    return hold(link, after=key, wait=max(0.0, give_up_at - monotonic()))


def _reject(link: BufferLink, *, by_http: bool) -> None:
    if link.refresh_token is None:
        if by_http:
            endings.refuse_unrefreshable(link)
    elif statements.reject(pk=link.pk, epoch=link.epoch, generation=link.generation):
        logger.info("link=%s generation=%s access_token=rejected", link.uid, link.generation)
    elif by_http:
        endings.unauthorized(link)


def access_token(link: BufferLink) -> Secret:
    """Return the access token of a link that is `usable`. Raises `DecryptionFailed`."""
    token = link.open_access_token()
    if token is None:
        raise TokenUnavailable(retry_at=link.next_attempt_at)
    return token


def _active(link: BufferLink) -> BufferLink:
    current = statements.read(link.pk)
    if current is None:
        raise LinkRevoked(link, BufferLink.Status.DISCONNECTED)
    if not current.is_active:
        raise LinkRevoked(current, current.reason or current.status)
    return current


def _ask(link: BufferLink, payload: Mapping[str, Any]) -> graphql.Answer:
    return transport.call_api(access_token(link), dict(payload), total=conf.timing.api)


def _is_same(one: BufferLink, other: BufferLink) -> bool:
    return (one.epoch, one.generation) == (other.epoch, other.generation)


def _note_use(link: BufferLink) -> None:
    used = link.last_used_at
    if used is None or link.database_now - used >= USE_NOTED_EVERY:
        worker.submit(("used", link.pk), lambda: statements.note_use(pk=link.pk))
