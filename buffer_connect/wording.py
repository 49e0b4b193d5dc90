"""What people are told: by the pages, and by the admin about why a link ended."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.timesince import timeuntil
from django.utils.translation import gettext_lazy as _

from buffer_connect.exceptions import (
    AmbiguousLink,
    BufferAPIError,
    BufferUnavailable,
    LinkRevoked,
    MissingScope,
    MutationFailed,
    NotLinked,
    RateLimited,
    TokenUnavailable,
    printable,
)
from buffer_connect.flows.connect import Notice, Refusal, Tell
from buffer_connect.flows.instance import OfAnotherInstance
from buffer_connect.models import BufferLink
from buffer_connect.oauth.authorization import Problem

Words = str | Promise

# Never more than the evidence shows.
REASONS: Mapping[str, Words] = {
    BufferLink.Reason.REVOKED_AT_BUFFER: _(
        "Buffer ended the connection: it was removed there, or an old token was used elsewhere."
    ),
    BufferLink.Reason.REFRESH_TOKEN_REUSED: _(
        "A token that works only once was used a second time, so Buffer ended the connection "
        "for safety."
    ),
    BufferLink.Reason.ANSWER_LOST: _(
        "An answer from Buffer was lost on its way, and with it the connection."
    ),
    BufferLink.Reason.UNAUTHORIZED: _("Buffer no longer accepts this connection."),
    BufferLink.Reason.EXPIRED: _("The connection has run out."),
    BufferLink.Reason.CLONED_OR_RESTORED: _(
        "This site was restored or copied, and the copy used the connection."
    ),
}

SCOPES: Mapping[str, Words] = {
    "account:read": _("see the account"),
    "account:write": _("change the account"),
    "posts:read": _("see posts"),
    "posts:write": _("create and change posts"),
    "ideas:read": _("see ideas"),
    "ideas:write": _("create and change ideas"),
    "offline_access": _("stay connected while you are away"),
}

_EVERYTHING = _("do everything in the account")

_ASKED_WRONGLY = _(
    "Buffer did not accept how this site asked. Nothing was connected. "
    "You cannot mend this; the people who run this site can see what is wrong."
)
_OUR_CONFIGURATION = _(
    "Buffer did not accept this site. Nothing was connected. "
    "You cannot mend this; the people who run this site can see what is wrong."
)
NOTICES: Mapping[Tell, Words] = {
    Tell.CONNECTED: _("%(account)s is connected."),
    Tell.OTHER_ACCOUNT: _(
        "You chose another Buffer account than %(asked)s. %(account)s now stands beside it; "
        "%(asked)s is as it was."
    ),
    Tell.FEWER_SCOPES: _("You left out: %(scopes)s. What needs it will not work."),
    Tell.NO_REFRESH_TOKEN: _(
        "Buffer gave no permission to stay connected, so this connection ends by itself soon. "
        "Reconnect to try again."
    ),
    Tell.DISCONNECTED: _("%(account)s is disconnected, and Buffer has withdrawn its permission."),
    Tell.DISCONNECTED_HERE: _(
        "%(account)s is disconnected here. Buffer has not confirmed that yet; to be sure, you "
        "can also remove this site in your account's settings at Buffer."
    ),
    Tell.REMOVED: _("%(account)s is disconnected here."),
    Tell.KEY_FORGOTTEN: _(
        "The API key of %(account)s is forgotten here, but it still works. If nothing else needs "
        "it, delete it in your settings at Buffer."
    ),
    Tell.RESTORED: _("Buffer accepts %(account)s again. It is connected."),
    Tell.STILL_ENDED: _(
        "Buffer does not accept the connection of %(account)s. To use it here again, reconnect it."
    ),
    Tell.KEY_STILL_REFUSED: _(
        "Buffer does not accept the API key of %(account)s. To use it here again, replace the key."
    ),
    Tell.NOT_CHECKED: _(
        "Buffer did not say whether it accepts %(account)s. Please check again in a few minutes."
    ),
    Tell.UNREADABLE: _(
        "%(account)s cannot be checked here at the moment. You cannot mend this; the people who "
        "run this site can see what is wrong."
    ),
    Tell.ELSEWHERE: _(
        "%(account)s belongs to another copy of this site and is as it was. To use it here, "
        "reconnect it."
    ),
    Tell.ACCESS_DENIED: _("You did not allow access at Buffer. Nothing was connected."),
    Tell.INVALID_REQUEST: _ASKED_WRONGLY,
    Tell.INVALID_CLIENT: _OUR_CONFIGURATION,
    Tell.INVALID_GRANT: _("Buffer ended the request. Nothing was connected. Please try again."),
    Tell.INVALID_SCOPE: _(
        "Buffer does not offer something that this site asked for. Nothing was connected. "
        "You cannot mend this; the people who run this site can see what is wrong."
    ),
    Tell.OTHER_ERROR: _(
        "Buffer could not finish the request. Nothing was connected. Please try again later."
    ),
    Tell.CODE_REFUSED: _(
        "Buffer's permission was no longer good when it got here. Nothing was connected. "
        "Please try again."
    ),
    Tell.CLIENT_REJECTED: _OUR_CONFIGURATION,
    Tell.MISCONFIGURED: _OUR_CONFIGURATION,
    Tell.THROTTLED: _(
        "Buffer is getting too many requests from this site. Nothing was connected. "
        "Please try again in a few minutes."
    ),
    Tell.NOT_SENT: _("Buffer could not be reached. Nothing was connected. Please try again."),
    Tell.NO_ANSWER: _(
        "Buffer gave no usable answer. Nothing was connected. Please try again in a few minutes."
    ),
    Tell.ACCOUNT_NOT_ALLOWED: _(
        "Without permission to see the account, this site cannot tell which account it is. "
        "Nothing was connected. Please try again and leave that permission ticked."
    ),
    Tell.ACCOUNT_UNKNOWN: _(
        "Buffer did not say which account it is. Nothing was connected. "
        "Please try again in a few minutes."
    ),
    Tell.KEY_REFUSED: _(
        "Buffer does not accept this key, and nothing was stored. Copy the key again, or make a "
        "new one in your settings at Buffer."
    ),
    Tell.KEY_NOT_CHECKED: _(
        "Buffer did not say whether it accepts this key, and nothing was stored. Please try again "
        "in a few minutes."
    ),
}
_BUFFER_SAYS = _("Buffer says: “%(description)s”")

_INCOMPLETE = _("The address that brought you here is not complete. Please start again.")
_NOT_FROM_BUFFER = _(
    "The answer did not come from Buffer. Nothing was connected. If somebody sent you a link, "
    "do not use it; otherwise start again."
)
PROBLEMS: Mapping[Problem | Refusal, Words] = {
    Problem.MISSING_STATE: _INCOMPLETE,
    Problem.MALFORMED_STATE: _INCOMPLETE,
    Problem.DOUBLED: _INCOMPLETE,
    Problem.TOO_LONG: _INCOMPLETE,
    Problem.MISSING_CODE: _INCOMPLETE,
    Problem.MISSING_ISS: _(
        "The answer does not say that it comes from Buffer, so it was not used. "
        "The people who run this site can allow such answers with the setting REQUIRE_ISS."
    ),
    Problem.WRONG_ISS: _NOT_FROM_BUFFER,
    Refusal.SIGNED_OUT: _(
        "You are not signed in here any more. Sign in, then start again. Nothing was connected."
    ),
    Refusal.OTHER_USER: _(
        "Another user of this site began this. Sign in as that user, then start again. "
        "Nothing was connected."
    ),
    Refusal.OTHER_SESSION: _(
        "This was begun in another browser, or before you signed in again. Please start again."
    ),
    Refusal.UNKNOWN_STATE: _("This request is not known here any more. Please start again."),
    Refusal.EXPIRED: _("This took longer than ten minutes. Please start again."),
    Refusal.USED: _("This request has ended without a connection. Please start again."),
}

SCOPE_NOT_OFFERED = _("This site does not ask for what was named there. Please start again.")

NOT_SIGNED_IN = _("You are not signed in here.")

_NOT_LINKED = _("For this, connect a Buffer account first.")
_REVOKED = _("%(why)s For this, reconnect the account.")
_KEY_REVOKED = _("%(why)s For this, replace the API key.")
_DISCONNECTED = _("The Buffer account was disconnected here. For this, connect it again.")
_MISSING_SCOPE = _("For this, the Buffer account has to allow: %(scopes)s.")
_AMBIGUOUS = _("Several of your Buffer accounts fit, and nothing here says which of them is meant.")

_RATE_LIMITED_FOR = _("Buffer takes no more requests for now. Please try again in %(time)s.")
# Seconds; Buffer's longest window is that of 30 days.
LONGEST_LIMIT = 30 * 86_400.0

FAILURES: Mapping[type[Exception], Words] = {
    RateLimited: _("Buffer takes no more requests for now. Please try again later."),
    OfAnotherInstance: _(
        "This connection belongs to another copy of this site and is not used here. To use the "
        "account here, reconnect it."
    ),
    TokenUnavailable: _(
        "Buffer cannot be asked at the moment, and this was not done. This site tries by itself to "
        "renew the connection: you need not reconnect, or do anything else. Please come back in a "
        "few minutes."
    ),
    BufferUnavailable: _(
        "Buffer gave no usable answer. Before you try again, look there whether it was done all "
        "the same."
    ),
    BufferAPIError: _("Buffer did not accept this."),
    MutationFailed: _("Buffer did not do this: %(message)s"),
}

GOOD = frozenset({Tell.CONNECTED, Tell.RESTORED, Tell.DISCONNECTED, Tell.REMOVED})
NEUTRAL = frozenset(
    {
        Tell.OTHER_ACCOUNT,
        Tell.FEWER_SCOPES,
        Tell.NO_REFRESH_TOKEN,
        Tell.DISCONNECTED_HERE,
        Tell.KEY_FORGOTTEN,
        Tell.NOT_CHECKED,
        Tell.ELSEWHERE,
        Tell.ACCESS_DENIED,
    }
)


def notice(told: Notice) -> dict[str, str]:
    """Return the text of one notice, and whether it is `good`, `neutral` or `bad` news."""
    facts = defaultdict(str, told.facts)
    facts["scopes"] = ", ".join(map(str, scopes(facts["scopes"].split())))
    text = str(NOTICES[told.tell]) % facts
    if facts["description"] and told.tell != Tell.ACCESS_DENIED:
        text = f"{text} {str(_BUFFER_SAYS) % facts}"
    kind = "good" if told.tell in GOOD else "neutral" if told.tell in NEUTRAL else "bad"
    return {"text": text, "kind": kind}


def prompt(error: NotLinked | LinkRevoked | MissingScope | AmbiguousLink) -> str:
    """Return what a user is told whose Buffer account cannot be used for what they wanted."""
    match error:
        case LinkRevoked(link=link, reason=reason) if reason in REASONS:
            words = _KEY_REVOKED if link.is_replaceable else _REVOKED
            return str(words) % {"why": REASONS[reason]}
        case LinkRevoked():
            return str(_DISCONNECTED)
        case MissingScope(scopes=missing):
            return str(_MISSING_SCOPE) % {"scopes": ", ".join(map(str, scopes(missing)))}
        case AmbiguousLink():
            return str(_AMBIGUOUS)
    return str(_NOT_LINKED)


def failure(error: Exception) -> str:
    """Return what a user is told where Buffer did not do what was asked for; one of `FAILURES`.

    Of a rate limit with the time to wait, where that is known.
    """
    if isinstance(error, RateLimited) and error.retry_after is not None:
        return str(_RATE_LIMITED_FOR) % {"time": _whole_minutes(error.retry_after)}
    words = next(words for kind, words in FAILURES.items() if isinstance(error, kind))
    message = printable(error.message) if isinstance(error, MutationFailed) else ""
    return str(words) % {"message": message}


def _whole_minutes(seconds: float) -> str:
    minutes = max(1, math.ceil(min(seconds, LONGEST_LIMIT) / 60))
    now = timezone.now()
    return timeuntil(now + timedelta(minutes=minutes), now)


def allowed(link: BufferLink) -> list[Words]:
    """Return what `link` allows, in words; an API key allows everything."""
    return [_EVERYTHING] if link.is_api_key else scopes(link.granted_scopes)


def scopes(granted: Iterable[str]) -> list[Words]:
    """Return what scopes allow, in words where there are any."""
    return [SCOPES.get(scope, scope) for scope in granted]
