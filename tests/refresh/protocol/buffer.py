"""Buffer as the game knows it: the sandbox's grant table, asked without HTTP, and its answers."""

import json
from dataclasses import dataclass
from enum import Enum, auto
from time import monotonic

from django.conf import settings as site

from buffer_connect.conf import conf
from buffer_connect.flows.refresh.claim import Attempt
from buffer_connect.oauth.token import Outcome, Verdict, judge_token_response
from buffer_connect.sandbox.clock import Clock
from buffer_connect.sandbox.grants import GrantTable, InvalidGrant
from buffer_connect.sandbox.options import Options
from buffer_connect.sandbox.records import Consent, End

# Seconds.
LIFE = 3585
YEARS = 10 * 365 * 86_400.0
ACCOUNT = "account-1"
REDIRECT_URI = "https://testserver/buffer/callback/"
SCOPES = ("account:read", "posts:read")
CONNECTION_LOST = Outcome(verdict=Verdict.UNKNOWN, error="connection_lost")


class Reply(Enum):
    """What becomes of a request that has left."""

    # It is answered as the specification says.
    PROCESSED = auto()
    # It is used, but its answer never comes.
    LOST = auto()
    # The connection breaks; the request may reach Buffer later, or never.
    STRAYED = auto()
    # A gateway answers while the request is still on its way.
    GATEWAY = auto()
    # It is used, and the answer is cut before the refresh token's end.
    CUT = auto()
    # It is used, and the answer is cut behind the refresh token.
    SALVAGED = auto()
    # Buffer fails before it looks at the token.
    FAILED_BEFORE = auto()
    # Buffer fails when the token is used.
    FAILED_AFTER = auto()
    THROTTLED = auto()
    CLIENT_REJECTED = auto()
    MISCONFIGURED = auto()


UNUSED = {
    Reply.GATEWAY: (502, "<h1>Bad gateway</h1>"),
    Reply.FAILED_BEFORE: (500, '{"error": "server_error"}'),
    Reply.THROTTLED: (429, '{"error": "too_many_requests"}'),
    Reply.CLIENT_REJECTED: (401, '{"error": "invalid_client"}'),
    Reply.MISCONFIGURED: (400, '{"error": "invalid_request"}'),
}
STRAYING = {Reply.GATEWAY, Reply.STRAYED}


@dataclass(kw_only=True)
class Request:
    """A refresh token on the wire."""

    attempt: Attempt
    sent_at: float
    # When the intent was written, by Buffer's clock.
    intended_at: float
    outcome: Outcome | None = None
    # Over, and its sender knows (T5, T7b).
    closed: bool = False

    def __str__(self):
        pk, _, generation = self.key
        return f"generation {generation} of link {pk}"

    @property
    def key(self):
        held = self.attempt.held
        return held["pk"], held["epoch"], held["generation"]

    def is_after(self, other):
        """Return whether this is a later send of the same generation."""
        return self.key == other.key and self.intended_at > other.intended_at


class Buffer:
    """The server: who was granted what, which token was used, and by which request twice."""

    def __init__(self):
        self.clock = Clock()
        options = Options(
            access_life=LIFE, refresh_life=YEARS, grant_life=YEARS, shared_grants=True
        )
        self.table = GrantTable(options, self.clock.now)
        # Every token that was given out, and what was secret before.
        keys = site.BUFFER_CONNECT["ENCRYPTION_KEYS"]
        self.secrets = {conf.client_secret.reveal(), *(key.partition(":")[2] for key in keys)}
        # Requests that may still reach Buffer, though nobody waits for their answers.
        self.strays = []
        # By grant: the request that ended it with a token that had been used before.
        self.killers = {}
        # The grants that ended at our own request.
        self.revoked = set()

    def authorize(self, *, shared, offline):
        """Grant what a person agreed to; a shared grant is that of the last shared one."""
        consent = Consent(
            account=ACCOUNT,
            scopes=(*SCOPES, "offline_access") if offline else SCOPES,
            redirect_uri=REDIRECT_URI,
            challenge="challenge",
            session="browser" if shared else "",
        )
        code = self.table.authorize(consent)
        issued = self.table.exchange(code=code, redirect_uri=REDIRECT_URI, challenge="challenge")
        self._remember(issued)
        return issued

    def answer(self, request, reply):
        """Let `reply` happen to `request`, and return its outcome for the sender."""
        if reply in STRAYING:
            self.strays.append(request)
        if reply is Reply.STRAYED:
            return CONNECTION_LOST
        if reply in UNUSED:
            status, body = UNUSED[reply]
            return judge_token_response(status, {}, body.encode(), complete=True)
        status, body = self.use(request)
        if reply is Reply.LOST:
            return CONNECTION_LOST
        if status == 200 and reply is Reply.FAILED_AFTER:
            status, body = 500, '{"error": "server_error"}'
        if status == 200 and reply in _CUTS:
            body = body[: body.index(_CUTS[reply]) + 25]
            return judge_token_response(status, {}, body.encode(), complete=False)
        return judge_token_response(status, {}, body.encode(), complete=True)

    def use(self, request):
        """Consume the refresh token of a request; return status and body of the answer."""
        token = request.attempt.token.reveal()
        grant_id = self.table.grant_id_of(token)
        lived = not self.table.grant(grant_id).revoked
        try:
            issued = self.table.refresh(token)
        except InvalidGrant:
            if lived and self.table.grant(grant_id).reuse_detected:
                self.killers[grant_id] = request
            return 400, '{"error": "invalid_grant", "error_description": "is invalid"}'
        self._remember(issued)
        return 200, json.dumps(_fields(issued))

    def revoke(self, refresh_token):
        """End the grant of a token at our own request."""
        grant_id = self.table.grant_id_of(refresh_token)
        if self.table.revoke(grant_id, End.CLIENT):
            self.revoked.add(grant_id)

    def is_revoked(self, refresh_token):
        """Return whether the grant of this token ended at our own request."""
        return self.table.grant_id_of(refresh_token) in self.revoked

    def killer_of(self, refresh_token):
        """Return the request of ours, if any, whose second use ended this token's grant."""
        return self.killers.get(self.table.grant_id_of(refresh_token))

    def is_current(self, refresh_token):
        return self.table.active_refresh_token(refresh_token) is not None

    def _remember(self, issued):
        self.secrets.update(filter(None, (issued.access_token, issued.refresh_token)))


# The answer ends so many characters behind the name of a member.
_CUTS = {Reply.CUT: '"refresh_token"', Reply.SALVAGED: '"scope"'}


def _fields(issued):
    return {
        "access_token": issued.access_token,
        "expires_in": issued.expires_in,
        "refresh_token": issued.refresh_token,
        "scope": " ".join(issued.scopes),
        "token_type": "Bearer",
    }


def sent_now(attempt, *, intended_at):
    return Request(attempt=attempt, sent_at=monotonic(), intended_at=intended_at)
