"""What can come of an authorization response or a pasted key, and what its user is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from buffer_connect.oauth.authorization import Problem


class Tell(StrEnum):
    """What a notice tells; its words are the pages'."""

    # The link was made or renewed.
    CONNECTED = "connected"
    # Another Buffer account came than the one to reconnect.
    OTHER_ACCOUNT = "other_account"
    # The user left out some of what was asked.
    FEWER_SCOPES = "fewer_scopes"
    # Nothing can be refreshed: the link ends with its access token.
    NO_REFRESH_TOKEN = "no_refresh_token"  # noqa: S105 - a name, no password

    # The link was ended here: Buffer knows; it does not know yet; there was nothing to tell it.
    DISCONNECTED = "disconnected"
    DISCONNECTED_HERE = "disconnected_here"
    REMOVED = "removed"

    # The same of an API key, which Buffer cannot be told to revoke.
    KEY_FORGOTTEN = "key_forgotten"

    # The link was checked again: it is back; it is not; nobody knows; its tokens do not open.
    RESTORED = "restored"
    STILL_ENDED = "still_ended"
    KEY_STILL_REFUSED = "key_still_refused"
    NOT_CHECKED = "not_checked"
    UNREADABLE = "unreadable"

    # Nothing was done: the link belongs to another instance of the site.
    ELSEWHERE = "elsewhere"

    # Errors of the authorization response; only the first is the user's doing.
    ACCESS_DENIED = "access_denied"
    INVALID_REQUEST = "invalid_request"
    INVALID_CLIENT = "invalid_client"
    INVALID_GRANT = "invalid_grant"
    INVALID_SCOPE = "invalid_scope"
    OTHER_ERROR = "other_error"

    # Ends of the exchange.
    CODE_REFUSED = "code_refused"
    CLIENT_REJECTED = "client_rejected"
    MISCONFIGURED = "misconfigured"
    THROTTLED = "throttled"
    NOT_SENT = "not_sent"
    NO_ANSWER = "no_answer"

    # The exchange went well, but whose account it is stays unknown.
    ACCOUNT_NOT_ALLOWED = "account_not_allowed"
    ACCOUNT_UNKNOWN = "account_unknown"

    # An API key was pasted: the API does not accept it; nobody knows whether it does.
    KEY_REFUSED = "key_refused"
    KEY_NOT_CHECKED = "key_not_checked"


class Refusal(StrEnum):
    """Why an authorization response is not looked into; beside `Problem`, which its text shows."""

    SIGNED_OUT = "signed_out"
    OTHER_USER = "other_user"
    OTHER_SESSION = "other_session"
    UNKNOWN_STATE = "unknown_state"
    EXPIRED = "expired"
    USED = "used"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to tell the user, with the texts that stand in it; fit for JSON."""

    tell: Tell
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """There is a link, made now or by an earlier run of the same request."""

    next_url: str
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Underway:
    """Another run of the same request is at work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The request was right and came to nothing."""

    notice: Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The response was not for this user and browser, or no answer to anything asked."""

    problem: Problem | Refusal

    @property
    def is_forbidden(self) -> bool:
        """Whether somebody else may be right to bring it: its state is still good."""
        return self.problem in {Refusal.SIGNED_OUT, Refusal.OTHER_USER}


class NotAccepted(Exception):
    """Ends a run with `Refused`."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


class NotLinked(Exception):
    """Ends a run with `Failed`."""

    def __init__(self, notice: Notice) -> None:
        super().__init__(notice.tell)
        self.notice = notice
