"""The authorization response (RFC 6749 section 4.1.2): taken once, by whom it is for."""

import logging
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import TypeVar, cast

from buffer_connect.conf import conf
from buffer_connect.flows import announce
from buffer_connect.flows.connect.begin import state_hash
from buffer_connect.flows.connect.browser import Browser
from buffer_connect.flows.connect.grant import notices_of, obtain
from buffer_connect.flows.connect.params import Params
from buffer_connect.flows.connect.results import (
    Failed,
    Linked,
    NotAccepted,
    Notice,
    NotLinked,
    Refusal,
    Refused,
    Tell,
    Underway,
)
from buffer_connect.flows.connect.store import store
from buffer_connect.flows.refresh.settle import within_commit_budget
from buffer_connect.models import AuthorizationRequest, BufferLink, LinkEvent
from buffer_connect.oauth.authorization import InvalidResponse, Problem, read_state
from buffer_connect.sealing import Secret

logger = logging.getLogger(__name__)

T = TypeVar("T")

# For so many seconds a database that is away may keep the user waiting, who has granted already.
STORED_WITHIN = 5.0

# How loud a failure is logged; all else is for the site's operator to look at.
LEVELS = {
    Tell.ACCESS_DENIED: logging.INFO,
    Tell.THROTTLED: logging.WARNING,
    Tell.NOT_SENT: logging.WARNING,
    Tell.NO_ANSWER: logging.WARNING,
    Tell.ACCOUNT_NOT_ALLOWED: logging.WARNING,
    Tell.ACCOUNT_UNKNOWN: logging.WARNING,
}


def finish(params: Params, browser: Browser) -> Linked | Underway | Failed | Refused:
    """Carry an authorization response through; `params` holds the values of each parameter.

    The shape comes first, before any query; then user and session; then the state is consumed,
    once; then `iss`, `error` and `code` in the RFCs' order, the exchange, the account, the link.
    """
    try:
        return _finish(params, browser)
    except InvalidResponse as error:
        problem = error.problem
    except NotAccepted as error:
        logger.warning("authorization=refused cause=%s user=%s", error.refusal, browser.user.pk)
        return Refused(problem=error.refusal)
    hint = " (see REQUIRE_ISS)" if problem == Problem.MISSING_ISS else ""
    logger.warning("authorization=refused cause=%s%s", problem, hint)
    return Refused(problem=problem)


def _finish(params: Params, browser: Browser) -> Linked | Underway | Failed:
    request = _own(read_state(params), browser)
    if request.consumed_at is None and _consume(request, browser):
        return _carry_out(request, params, browser)
    return _replayed(request)


def _own(state: Secret, browser: Browser) -> AuthorizationRequest:
    """Return the request that `state` belongs to, if it is this user's and this browser's."""
    if not browser.is_signed_in:
        raise NotAccepted(Refusal.SIGNED_OUT)
    requests = AuthorizationRequest.objects.using(BufferLink.written_on())
    request = requests.filter(state_hash=state_hash(state)).first()
    if request is None:
        raise NotAccepted(Refusal.UNKNOWN_STATE)
    if request.user_id != browser.user.pk:
        raise NotAccepted(Refusal.OTHER_USER)
    if request.session_hash != browser.session_hash:
        raise NotAccepted(Refusal.OTHER_SESSION)
    return request


def _consume(request: AuthorizationRequest, browser: Browser) -> bool:
    # Settings that cannot be used are found before the state is spent, and the code with it.
    conf.require_for_tokens()
    database = BufferLink.written_on()
    mine = AuthorizationRequest.objects.using(database).filter(
        pk=request.pk, user_id=browser.user.pk, session_hash=browser.session_hash
    )
    taken = mine.consume()
    if not taken:
        request.refresh_from_db(using=database)
    return taken


def _replayed(request: AuthorizationRequest) -> Linked | Underway:
    if request.consumed_at is None:
        raise NotAccepted(Refusal.EXPIRED)
    if request.outcome == AuthorizationRequest.Outcome.FAILED:
        raise NotAccepted(Refusal.USED)
    if request.outcome == AuthorizationRequest.Outcome.LINKED:
        return Linked(next_url=request.next_url)
    return Underway()


def _carry_out(request: AuthorizationRequest, params: Params, browser: Browser) -> Linked | Failed:
    outcome = AuthorizationRequest.Outcome.FAILED
    try:
        event, notices = _made(request, params)
        outcome = AuthorizationRequest.Outcome.LINKED
    except NotLinked as error:
        return _failed(request, error.notice)
    finally:
        _written(partial(request.close, outcome))
    announce.announce(event, request=browser.request)
    return Linked(next_url=request.next_url, notices=notices)


def _written(step: Callable[[], T]) -> T:
    """Return what `step` returns; over a new connection where the old one broke while Buffer was asked."""
    return within_commit_budget(step, over=monotonic() + STORED_WITHIN)


def _made(request: AuthorizationRequest, params: Params) -> tuple[LinkEvent, tuple[Notice, ...]]:
    granted = obtain(request, params)
    event = _written(partial(store, request.user_id, granted))
    link = cast("BufferLink", event.link)
    logger.info("link=%s status=active user=%s", link.uid, request.user_id)
    return event, tuple(notices_of(request, granted, link))


def _failed(request: AuthorizationRequest, notice: Notice) -> Failed:
    level, error = LEVELS.get(notice.tell, logging.ERROR), notice.facts.get("error", "")
    logger.log(level, "request=%s link=none cause=%s error=%s", request.uid, notice.tell, error)
    return Failed(notice=notice)
