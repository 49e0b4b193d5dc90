"""The authorization request (RFC 6749 section 4.1.1): remembered here, asked at Buffer."""

import hashlib
from collections.abc import Iterable

from buffer_connect.conf import conf
from buffer_connect.flows.connect.browser import Browser
from buffer_connect.models import AuthorizationRequest, BufferLink
from buffer_connect.models.clock import DatabaseNow
from buffer_connect.models.request import LIFE
from buffer_connect.oauth import authorization
from buffer_connect.scopes import ALWAYS_ASKED
from buffer_connect.sealing import Secret


def begin(
    browser: Browser,
    *,
    redirect_uri: str,
    scopes: Iterable[str] = (),
    next_url: str = "",
    link: BufferLink | None = None,
) -> str:
    """Remember an authorization request of `browser`'s user and return the URL that asks Buffer.

    `scopes` are asked instead of `SCOPES`; what `link` has been granted is asked again, so that
    a reconnect never narrows it. `next_url` has been checked, and will be once more.
    """
    conf.require_for_tokens()
    scopes = asked(scopes, link)
    state, verifier = authorization.new_state(), authorization.new_verifier()
    browser.mark()
    request = AuthorizationRequest(
        state_hash=state_hash(state),
        session_hash=browser.session_hash,
        user_id=browser.user.pk,
        link=link,
        redirect_uri=redirect_uri,
        scopes=scopes,
        next_url=next_url,
        expires_at=DatabaseNow() + LIFE,
    )
    request.seal_verifier(verifier)
    _keep(request)
    return authorization.authorization_url(
        conf.authorization_endpoint,
        client_id=conf.client_id,
        redirect_uri=redirect_uri,
        scopes=scopes,
        state=state,
        challenge=authorization.code_challenge(verifier),
    )


def asked(scopes: Iterable[str], link: BufferLink | None) -> list[str]:
    """Return the scopes of an authorization request for `scopes`, each once.

    They come as `SCOPES` has them, then what it has not; those that are always asked come last.
    """
    wanted = [*(list(scopes) or conf.scopes), *(link.granted_scopes if link else [])]
    known = [scope for scope in conf.scopes if scope in wanted]
    special = [scope for scope in dict.fromkeys([*known, *wanted]) if scope not in ALWAYS_ASKED]
    return [*special, *ALWAYS_ASKED]


def state_hash(state: Secret) -> str:
    """Return the form in which a state is stored and found."""
    return hashlib.sha256(state.reveal().encode()).hexdigest()


def _keep(request: AuthorizationRequest) -> None:
    database = BufferLink.written_on()
    request.save(using=database)
    AuthorizationRequest.objects.using(database).drop_oldest(request.user_id)
