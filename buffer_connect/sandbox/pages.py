"""The sandbox's pages: plain HTML, no script, one stylesheet."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from buffer_connect.sandbox.messages import Request, Response
from buffer_connect.sandbox.records import End, Grant, Post
from buffer_connect.sandbox.state import State

_STYLE = Path(__file__).with_name("style.css")
_AVATAR = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8">'
    '<circle cx="4" cy="4" r="4" fill="#89a"/></svg>'
)
_SCOPE_TEXTS = {
    "account:read": "See the account and its organizations",
    "account:write": "Change the account",
    "posts:read": "See posts",
    "posts:write": "Create and change posts",
    "ideas:read": "See ideas",
    "ideas:write": "Create and change ideas",
    "insights:read": "See insights",
    "engagements:read": "See engagements",
    "engagements:write": "Answer engagements",
    "offline_access": "Keep access while you are away",
}
_ENDINGS = {
    End.PERSON: "removed by its owner",
    End.REUSE: "a used refresh token came again",
    End.CODE_REPLAY: "a used authorization code came again",
    End.CLIENT: "revoked by the client",
}
_FAULT_BUTTONS = {
    "token": (
        ("lose_answer", "Lose its answer"),
        ("error_after", "503 after it was carried out"),
        ("error_before", "503 before"),
        ("rate_limit", "429"),
        ("slow", "Slow"),
        ("html", "HTML page"),
        ("invalid_client", "invalid_client"),
        ("outage", "Outage"),
    ),
    "api": (
        ("rate_limit", "429"),
        ("error_before", "503"),
        ("slow", "Slow"),
        ("graphql_error", "UNAUTHORIZED"),
        ("mutation_error", "Limit reached, to a mutation"),
        ("outage", "Outage"),
    ),
}
_ENDPOINT_NAMES = {"token": "Next token request", "api": "Next API request"}


def stylesheet(request: Request, state: State) -> Response:
    """Answer with the one stylesheet."""
    return Response(body=_STYLE.read_bytes(), content_type="text/css; charset=utf-8")


def avatar(request: Request, state: State) -> Response:
    """Answer with a plain disc, every account's picture."""
    return Response(body=_AVATAR.encode(), content_type="image/svg+xml")


def no_icon(request: Request, state: State) -> Response:
    """Spare browsers an error in their console."""
    return Response(status=204)


def error_page(title: str, text: str) -> str:
    """Return a page that says what went wrong and leads nowhere."""
    return _page(title, f"<h1>{escape(title)}</h1><p>{escape(text)}</p>", narrow=True)


def consent_page(*, query: str, scopes: Sequence[str], accounts: Sequence[str]) -> str:
    """Return the page that asks a person; its form posts back to the authorization request itself."""
    choices = [
        _choice("radio", "account", account, account_name(account), checked=account == accounts[0])
        for account in accounts
    ]
    boxes = [
        _choice("checkbox", "scope", scope, _SCOPE_TEXTS[scope], checked=True) for scope in scopes
    ]
    body = f"""
<h1>Allow this client to use a sandbox account?</h1>
<p class="quiet">This is a local sandbox. Nothing here reaches Buffer.</p>
<form method="post" action="/auth?{escape(query)}">
<fieldset><legend>Account</legend>{"".join(choices)}</fieldset>
<fieldset><legend>The client may</legend>{"".join(boxes) or "<p>nothing</p>"}</fieldset>
<p class="buttons">
<button class="main" name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Deny</button>
</p>
</form>"""
    return _page("Allow access", body, narrow=True)


def account_name(account: str) -> str:
    """Return the name that pages show for an account."""
    return f"Sandbox account {account.rpartition('-')[2]}"


def front_page(
    *, issuer: str, grants: Iterable[Grant], posts: Iterable[Post], faults: Iterable[str]
) -> str:
    """Return the page with all grants, the buttons that trouble them, and what was posted."""
    rows = "".join(_grant_row(grant) for grant in grants)
    table = f"""<div class="wide" role="region" aria-label="Grants" tabindex="0"><table>
<thead><tr><th scope="col">Account</th><th scope="col">Scopes</th><th scope="col">Since</th>
<th scope="col">Refresh tokens</th><th scope="col">State</th><th scope="col">Actions</th></tr></thead>
<tbody>{rows}</tbody></table></div>"""
    waiting = "".join(f"<li>{escape(fault)}</li>" for fault in faults)
    body = f"""
<h1>Buffer sandbox</h1>
<p class="quiet">Authorization server and API at <code>{escape(issuer)}</code>, in memory only.</p>
<h2>Grants</h2>
{table if rows else "<p>No grant yet. Connect an account from the site.</p>"}
<h2>Posts</h2>
{_posts(posts)}
<h2>Faults</h2>
{"".join(_fault_buttons(endpoint) for endpoint in _FAULT_BUTTONS)}
<h3>Waiting</h3>
{f"<ul>{waiting}</ul>" if waiting else "<p>No fault is waiting for a request.</p>"}
{_button("faults", "Clear all faults", clear="1") if waiting else ""}"""
    return _page("Buffer sandbox", body)


def _posts(posts: Iterable[Post]) -> str:
    rows = "".join(_post_row(post) for post in posts)
    if not rows:
        return "<p>Nothing was posted yet.</p>"
    return f"""<div class="wide" role="region" aria-label="Posts" tabindex="0"><table>
<thead><tr><th scope="col">At</th><th scope="col">Account</th><th scope="col">Channel</th>
<th scope="col">Text</th></tr></thead>
<tbody>{rows}</tbody></table></div>"""


def _post_row(post: Post) -> str:
    cells = (account_name(post.account), post.channel, post.text)
    told = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f'<tr><th scope="row">{_time_of_day(post.at)}</th>{told}</tr>'


def _time_of_day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S UTC")


def _grant_row(grant: Grant) -> str:
    consumed = sum(token.consumed_at is not None for token in grant.refresh_tokens)
    since = _time_of_day(grant.created_at)
    state = f"ended: {_ENDINGS[grant.revoked_by]}" if grant.revoked_by else "alive"
    account, dead = account_name(grant.account), grant.revoked
    old = dead or not consumed
    actions = (
        _button("revoke", "Revoke", of=account, disabled=dead, grant=grant.id),
        _button("replay", "Replay an old token", of=account, disabled=old, grant=grant.id),
        _button(
            "faults",
            "Lose its next answer",
            of=account,
            disabled=dead,
            kind="lose_answer",
            grant=grant.id,
        ),
    )
    return f"""<tr><th scope="row">{escape(account)}</th>
<td>{escape(" ".join(grant.scopes))}</td><td>{since}</td>
<td>{len(grant.refresh_tokens)} issued, {consumed} used</td><td>{state}</td><td>{"".join(actions)}</td></tr>"""


def _fault_buttons(endpoint: str) -> str:
    name = _ENDPOINT_NAMES[endpoint]
    buttons = [
        _button("faults", text, of=name, kind=kind, on=endpoint)
        for kind, text in _FAULT_BUTTONS[endpoint]
    ]
    return f'<h3>{name}</h3><div class="buttons">{"".join(buttons)}</div>'


def _button(action: str, text: str, *, of: str = "", disabled: bool = False, **fields: str) -> str:
    """Return a form of one button; `of` tells those who hear it what it belongs to."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )
    told = f' aria-label="{escape(text)}: {escape(of)}"' if of else ""
    off = " disabled" if disabled else ""
    button = f"<button{told}{off}>{escape(text)}</button>"
    return f'<form method="post" action="/sandbox/{action}">{hidden}{button}</form>'


def _choice(kind: str, name: str, value: str, text: str, *, checked: bool) -> str:
    on = " checked" if checked else ""
    return f'<label><input type="{kind}" name="{name}" value="{escape(value)}"{on}>{escape(text)}</label>'


def _page(title: str, body: str, *, narrow: bool = False) -> str:
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="stylesheet" href="/sandbox.css">
</head>
<body{' class="narrow"' if narrow else ""}>
<main>{body}</main>
</body>
</html>
"""
