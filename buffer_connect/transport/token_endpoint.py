"""Requests to the token endpoint (RFC 6749 sections 4.1.3 and 6), built by requests-oauthlib."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from oauthlib.oauth2 import OAuth2Error
from requests import RequestException, Response
from requests_oauthlib import OAuth2Session

from buffer_connect.conf import conf
from buffer_connect.oauth.token import NOT_SENT, Outcome, Verdict, judge_token_response
from buffer_connect.transport.adapter import Adapter, ReadResponse
from buffer_connect.transport.attempt import Attempt
from buffer_connect.transport.process import HEADERS, WIRE
from buffer_connect.transport.wire import NoAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from buffer_connect.sealing import Secret

CAP_BYTES = 64 * 1024
FORM_HEADERS = {**HEADERS, "Content-Type": "application/x-www-form-urlencoded"}
ADAPTER = Adapter(WIRE)
NO_ANSWER = Outcome(verdict=Verdict.UNKNOWN, error="no_answer")


def exchange(*, code: Secret, verifier: Secret, redirect_uri: str) -> Outcome:
    """Exchange an authorization code, once (RFC 6749 section 4.1.3, RFC 7636 section 4.5).

    `redirect_uri` is the one of the authorization request, byte for byte. Takes at most
    `TIMING["EXCHANGE"]`; raises `ImproperlyConfigured` only.
    """
    endpoint, secret = conf.token_endpoint, conf.client_secret
    attempt = Attempt.start(total=conf.timing.exchange, cap=CAP_BYTES)
    session = TokenSession(conf.client_id, redirect_uri)
    return _judged(
        attempt,
        lambda: session.fetch_token(
            endpoint,
            code=code.reveal(),
            code_verifier=verifier.reveal(),
            include_client_id=True,
            client_secret=secret.reveal() if secret else None,
            headers=FORM_HEADERS,
            timeout=attempt,
        ),
    )


def refresh(refresh_token: Secret, *, write_by: float) -> Outcome:
    """Send a refresh token, once (RFC 6749 section 6).

    After `write_by`, a moment of `time.monotonic()`, the request is no longer written and the
    outcome is NOT_SENT. Takes at most `TIMING["TOTAL"]`; raises `ImproperlyConfigured` only.
    """
    endpoint, secret = conf.token_endpoint, conf.client_secret
    attempt = Attempt.start(total=conf.timing.total, cap=CAP_BYTES, write_by=write_by)
    session = _refreshing_session(conf.client_id)
    return _judged(
        attempt,
        lambda: session.refresh_token(
            endpoint,
            refresh_token=refresh_token.reveal(),
            client_id=session.client_id,
            client_secret=secret.reveal() if secret else None,
            headers=FORM_HEADERS,
            timeout=attempt,
        ),
    )


class Judged(Exception):
    """Ends a session's request with its outcome, before oauthlib parses the answer."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


class TokenSession(OAuth2Session):
    """A session for one token request; it has no scope, so that none is sent or compared."""

    def __init__(self, client_id: str, redirect_uri: str | None = None) -> None:
        super().__init__(client_id, redirect_uri=redirect_uri)
        # Neither .netrc nor the environment's proxies and certificates.
        self.trust_env = False
        self.mount("https://", ADAPTER)
        self.mount("http://", ADAPTER)
        self.register_compliance_hook("access_token_response", _judge)
        self.register_compliance_hook("refresh_token_response", _judge)

    def get_redirect_target(self, resp: object) -> None:
        """Follow no redirect: it would post the secrets again."""


class _OfThread(threading.local):
    """The session with which one thread refreshes; its requests leave nothing in it."""

    session: TokenSession | None = None


_OF_THREAD = _OfThread()


def _refreshing_session(client_id: str) -> TokenSession:
    session = _OF_THREAD.session
    if session is None or session.client_id != client_id:
        session = _OF_THREAD.session = TokenSession(client_id)
    return session


def _judge(response: Response) -> NoReturn:
    complete = isinstance(response, ReadResponse) and response.complete
    raise Judged(
        judge_token_response(
            response.status_code, response.headers, response.content, complete=complete
        )
    )


def _judged(attempt: Attempt, send: Callable[[], object]) -> Outcome:
    fault = "unjudged"
    try:
        send()
    except Judged as judged:
        return judged.outcome
    except NoAnswer as error:
        fault = str(error)
    except (RequestException, OAuth2Error, ValueError) as error:
        # Their texts may quote the request.
        fault = type(error).__name__
    return replace(NO_ANSWER if attempt.written else NOT_SENT, description=fault)
