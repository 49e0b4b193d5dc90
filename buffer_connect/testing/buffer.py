"""A Buffer that is not there: what it is told, what it was sent, and the trouble it makes."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any, Literal, Self

from django.test import override_settings

from buffer_connect.flows.refresh.worker import worker
from buffer_connect.models import BufferLink
from buffer_connect.sandbox import Request, Sandbox
from buffer_connect.signals import link_connected
from buffer_connect.site import setting
from buffer_connect.testing import links, secrets
from buffer_connect.testing.line import Line
from buffer_connect.testing.records import Post, SentRequest
from buffer_connect.testing.settings import ISSUER, settings_for_tests
from buffer_connect.transport.process import WIRE
from buffer_connect.values import NAME

# Asked by the site; the others by a person's browser.
ENDPOINTS = ("api", "token", "revocation", "introspection")


@contextmanager
def fake_buffer() -> Iterator["FakeBuffer"]:
    """Put a fake Buffer in the place of Buffer, under settings for tests.

    No socket is opened. `BUFFER_CONNECT` stays as the site has it but for CLIENT_ID,
    CLIENT_SECRET, ENCRYPTION_KEYS, REDIRECT_URI, ISSUER, API_URL and ENDPOINTS; it may be missing.
    """
    settings = settings_for_tests(setting(NAME))
    with override_settings(**{NAME: settings}), FakeBuffer() as buffer:
        yield buffer


class FakeBuffer:
    """Buffer in this process: authorization server and API, in memory. From `fake_buffer()`."""

    def __init__(self) -> None:
        self._sandbox = Sandbox(issuer=ISSUER)
        self._line = Line(self._sandbox)
        self._links: dict[str, BufferLink] = {}
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        self._undo.callback(setattr, WIRE, "stand_in", WIRE.stand_in)
        WIRE.stand_in = self._line
        link_connected.connect(self._remember, sender=BufferLink)
        self._undo.callback(link_connected.disconnect, self._remember, sender=BufferLink)
        # What still runs beside a test without a transaction must not meet the next one.
        self._undo.callback(worker.finish)
        return self

    def __exit__(self, *exc: object) -> None:
        self._undo.close()

    def make_link(
        self,
        user: Any,
        *,
        kind: str = BufferLink.Kind.OAUTH,
        scopes: Iterable[str] | None = None,
        account_id: str | None = None,
        status: str = BufferLink.Status.ACTIVE,
        reason: str | None = None,
        expires_in: int | None = None,
    ) -> BufferLink:
        """Return a link of `user` whose tokens this Buffer knows, as if they had connected.

        With the `kind` `api_key` as if they had pasted a key, whatever ALLOW_API_KEYS says.
        `scopes` are those granted, SCOPES when None; `account:read` and `offline_access` come with
        them. `account_id` is Buffer's id of the account; None takes one that no link has yet. With
        another `status` the link has ended since, `revoked` for `reason`; None is
        `revoked_at_buffer`, and for a key `unauthorized`, its only one. `expires_in` is how many
        seconds the access token has left, None an hour; with 0 the next call refreshes it. The
        signals go out as in life. Raises `ValueError` for an unknown kind, status or reason, and
        for scopes or an end of a key, which has none.
        """
        links.refuse(kind, status, reason)
        account = account_id or self._new_account()
        if kind == BufferLink.Kind.API_KEY:
            links.refuse_for_a_key(scopes, expires_in, reason)
            link = links.by_key(self._sandbox, user, account=account)
        else:
            life = links.USUAL_LIFE if expires_in is None else expires_in
            link = links.connected(self._sandbox, user, account=account, scopes=scopes, life=life)
        if status == BufferLink.Status.ACTIVE:
            return link
        return links.ended(self._sandbox, link, status, reason)

    def make_key(self, account_id: str | None = None) -> str:
        """Return an API key of an account, as its owner makes one at Buffer.

        None takes an account that no link has yet. No link is made: paste it, or put it into the
        environment.
        """
        return self._sandbox.issue_key(account_id or self._new_account())

    def revoke(self, link: BufferLink) -> None:
        """Remove the site's permission, as the user of `link` would at Buffer: delete the API key.

        The site learns of it as in life: with the next call. Raises `ValueError` for a link that
        has ended, or whose tokens this Buffer did not issue.
        """
        links.revoke(self._sandbox, link)

    def authorize(
        self,
        url: str,
        *,
        account_id: str = "account-1",
        scopes: Iterable[str] | None = None,
        deny: bool = False,
    ) -> str:
        """Play the person whom the site has sent to `url`, and return the address of the way back.

        `scopes` are those left ticked, all when None. Raises `ValueError` when Buffer would show an
        error page instead.
        """
        ticked = None if scopes is None else list(scopes)
        return self._sandbox.authorize(url, account=account_id, scopes=ticked, deny=deny)

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Let Buffer be out of reach meanwhile: no request arrives."""
        self._line.is_down = True
        try:
            yield
        finally:
            self._line.is_down = False

    @contextmanager
    def rate_limit(self, *, retry_after: int = 60, window: str = "15m") -> Iterator[None]:
        """Let the API answer 429 meanwhile: wait `retry_after` seconds, `window` is used up."""
        limit = {"retry_after": retry_after, "window": window}
        with self._sandbox.failing("rate_limit", on="api", **limit):
            yield

    @contextmanager
    def refuse_mutations(self, kind: str, *, message: str = "Refused.") -> Iterator[None]:
        """Let mutations be answered meanwhile with a typed error of this `kind`: `MutationFailed`.

        `kind` is one of the errors of the mutation's payload in Buffer's schema, such as
        `InvalidInputError` or `LimitReachedError`.
        """
        refusal = {"type": kind, "message": message}
        with self._sandbox.failing("mutation_error", on="api", **refusal):
            yield

    def lose_next_answer(self, on: Literal["api", "token"] = "api") -> None:
        """Carry out the next API call, or the next refresh, and let its answer be lost."""
        self._sandbox.fail_next("lose_answer", on=on)

    @property
    def posts(self) -> list[Post]:
        """What the site has posted and not deleted, oldest first; also where the answer was lost."""
        return [
            Post(
                link=self._links.get(post.grant_id),
                text=post.text,
                channel_id=post.channel,
                given=post.given,
            )
            for post in self._sandbox.posts
        ]

    @property
    def requests(self) -> list[SentRequest]:
        """The requests that the site has sent, oldest first."""
        return [self._sent(each) for each in self._sandbox.requests if each.endpoint in ENDPOINTS]

    def assert_no_secrets(self, text: str | bytes) -> None:
        """Raise `AssertionError` when `text` holds a secret; the error names it by its kind.

        Secrets are all tokens, API keys, codes and verifiers of this Buffer, the client secret and the keys:
        as they are, and as addresses, HTML and JSON write them.
        """
        searched = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        if found := secrets.found_in(searched, self._sandbox):
            raise AssertionError(f"The text holds {', '.join(found)}.")

    def _new_account(self) -> str:
        known = {grant.account for grant in self._sandbox.grants}
        known |= {key.account for key in self._sandbox.keys}
        return next(name for name in map("account-{}".format, count(1)) if name not in known)

    def _remember(self, link: BufferLink, **facts: object) -> None:
        token = link.open_access_token()
        origin = token and self._sandbox.origin_of(token.reveal())
        if origin:
            self._links[origin] = link

    def _sent(self, request: Request) -> SentRequest:
        body = request.json if isinstance(request.json, dict) else {}
        forms = (request.form.get(name, [""])[0] for name in ("refresh_token", "token", "code"))
        token = request.bearer_token or next(filter(None, forms), "")
        return SentRequest(
            endpoint=request.endpoint,
            link=self._links.get(self._sandbox.origin_of(token) or ""),
            query=body.get("query", ""),
            variables=body.get("variables") or {},
            status=request.status,
        )
