"""From a checked response to what was granted: the code exchanged once, the account asked."""

from collections.abc import Iterator
from time import monotonic

from buffer_connect import transport
from buffer_connect.conf import conf
from buffer_connect.exceptions import AuthorizationFailed, DecryptionFailed, printable
from buffer_connect.flows.account import account_of
from buffer_connect.flows.connect.params import Params
from buffer_connect.flows.connect.results import Notice, NotLinked, Tell
from buffer_connect.flows.refresh import breaker
from buffer_connect.graphql import Account
from buffer_connect.models import AuthorizationRequest, BufferLink
from buffer_connect.models.granted import Granted
from buffer_connect.oauth.authorization import AuthorizationCode, validate_authorization_response
from buffer_connect.oauth.token import Outcome, TokenSet, Verdict
from buffer_connect.sealing import Secret

# Buffer's developer guide names these errors of the authorization response.
ERRORS = {
    tell.value: tell
    for tell in (
        Tell.ACCESS_DENIED,
        Tell.INVALID_REQUEST,
        Tell.INVALID_CLIENT,
        Tell.INVALID_GRANT,
        Tell.INVALID_SCOPE,
    )
}
ENDS = {
    Verdict.REFUSED: Tell.CODE_REFUSED,
    Verdict.CLIENT_REJECTED: Tell.CLIENT_REJECTED,
    Verdict.MISCONFIGURED: Tell.MISCONFIGURED,
    Verdict.THROTTLED: Tell.THROTTLED,
    Verdict.NOT_SENT: Tell.NOT_SENT,
    Verdict.UNKNOWN: Tell.NO_ANSWER,
}


def obtain(request: AuthorizationRequest, params: Params) -> Granted:
    """Return what the user granted in answer to `request`, whose state was just consumed.

    Raises `InvalidResponse` or `NotLinked`; then the tokens, if any came, are dropped. They are
    not revoked: another link may live on the same grant.
    """
    code, verifier = _code(params), _verifier(request)
    sent_at = monotonic()
    outcome = transport.exchange(
        code=code.value, verifier=verifier, redirect_uri=request.redirect_uri
    )
    tokens = _tokens(outcome)
    scopes = tuple(request.scopes) if tokens.scopes is None else tokens.scopes
    access_token, account = _account(tokens, scopes)
    return Granted(
        account=account,
        access_token=access_token,
        refresh_token=tokens.refresh_token,
        scopes=scopes,
        life=tokens.life,
        sent_at=sent_at,
    )


def notices_of(
    request: AuthorizationRequest, granted: Granted, link: BufferLink
) -> Iterator[Notice]:
    """Tell in what `link` differs from what was asked."""
    yield Notice(tell=Tell.CONNECTED, facts={"account": str(link)})
    asked = request.link
    if asked is not None and asked.account_key != link.account_key:
        yield Notice(tell=Tell.OTHER_ACCOUNT, facts={"account": str(link), "asked": str(asked)})
    missing = [scope for scope in request.scopes if scope not in granted.scopes]
    if left_out := [scope for scope in missing if scope != "offline_access"]:
        yield Notice(tell=Tell.FEWER_SCOPES, facts={"scopes": " ".join(left_out)})
    if granted.refresh_token is None:
        yield Notice(tell=Tell.NO_REFRESH_TOKEN)


def _code(params: Params) -> AuthorizationCode:
    try:
        return validate_authorization_response(
            params, issuer=conf.issuer, require_iss=conf.require_iss
        )
    except AuthorizationFailed as failed:
        facts = {"error": printable(failed.error), "description": failed.description}
        tell = ERRORS.get(failed.error, Tell.OTHER_ERROR)
    raise NotLinked(Notice(tell=tell, facts=facts))


def _verifier(request: AuthorizationRequest) -> Secret:
    try:
        return request.open_verifier()
    except DecryptionFailed as failed:
        facts = {"error": type(failed).__name__}
    raise NotLinked(Notice(tell=Tell.MISCONFIGURED, facts=facts))


def _tokens(outcome: Outcome) -> TokenSet:
    _tell_breaker(outcome)
    if outcome.tokens is not None:
        return outcome.tokens
    facts = {"error": outcome.error}
    if outcome.answered:
        facts["description"] = outcome.description
    raise NotLinked(Notice(tell=ENDS[outcome.verdict], facts=facts))


def _tell_breaker(outcome: Outcome) -> None:
    """The client is one and the same for codes and for refresh tokens."""
    if outcome.verdict == Verdict.CLIENT_REJECTED:
        breaker.open_()
    elif outcome.answered or outcome.verdict == Verdict.OK:
        breaker.close()


def _account(tokens: TokenSet, scopes: tuple[str, ...]) -> tuple[Secret, Account]:
    if tokens.access_token is None:
        raise NotLinked(Notice(tell=Tell.NO_ANSWER, facts={"error": "no_access_token"}))
    account = account_of(tokens.access_token)
    if account is not None:
        return tokens.access_token, account
    allowed = "account:read" in scopes
    raise NotLinked(Notice(tell=Tell.ACCOUNT_UNKNOWN if allowed else Tell.ACCOUNT_NOT_ALLOWED))
