"""T3: the answer to a generation becomes the link's next generation."""

import logging
from time import monotonic
from typing import Any

from django.db import transaction

from buffer_connect.exceptions import KeyUnavailable, printable
from buffer_connect.fields import ScopesField
from buffer_connect.flows import announce
from buffer_connect.flows.refresh.claim import DIGEST_PURPOSE, Attempt
from buffer_connect.flows.refresh.policy import due_in, rests
from buffer_connect.models import BufferLink, LinkEvent, PendingRevocation, statements
from buffer_connect.models.link import sealed_column
from buffer_connect.oauth.token import Outcome, TokenSet
from buffer_connect.sealing import Secret

logger = logging.getLogger(__name__)

# How soon to ask again when no usable access token came, in seconds.
WITHOUT_ACCESS_TOKEN = 60.0
_as_column = ScopesField().get_prep_value


def store(attempt: Attempt, outcome: Outcome, *, sent_at: float) -> None:
    """Store the token set of `outcome`, then tell; or put away what came for a link that is gone.

    Judging the rest of the answer comes later: no validation may cost a rotated token.
    """
    tokens = outcome.tokens
    if tokens is None:
        raise ValueError("An outcome that is OK carries a token set.")
    if _succeeded(attempt, tokens, sent_at):
        _tell(attempt, tokens)
    else:
        _settle_with_row(attempt, tokens)


def _succeeded(attempt: Attempt, tokens: TokenSet, sent_at: float) -> bool:
    step = statements.store if tokens.access_token else statements.store_refresh_token
    values = _values(attempt, tokens, sent_at)
    if step(**attempt.held, **values, status=BufferLink.Status.ACTIVE):
        return True
    with transaction.atomic(using=BufferLink.written_on()):
        if not step(**attempt.held, **values, status=BufferLink.Status.REVOKED):
            return False
        event = LinkEvent.objects.record(
            LinkEvent.Kind.RECOVERED, link=attempt.link.pk, epoch=attempt.link.epoch
        )
    logger.warning("link=%s status=active cause=late_answer", attempt.link.uid)
    announce.announce(event)
    return True


def _values(attempt: Attempt, tokens: TokenSet, sent_at: float) -> dict[str, Any]:
    link, keyring = attempt.link, attempt.keyring
    refresh_token = tokens.refresh_token or attempt.token
    values: dict[str, Any] = {
        "refresh_token": _sealed(attempt, "refresh_token", refresh_token),
        "digest": keyring.digest(refresh_token, DIGEST_PURPOSE),
    }
    if tokens.access_token is None:
        return values | {"delay": WITHOUT_ACCESS_TOKEN, "error": "no_access_token"}
    life = tokens.life - (monotonic() - sent_at)
    scopes = link.granted_scopes if tokens.scopes is None else list(tokens.scopes)
    return values | {
        "access_token": _sealed(attempt, "access_token", tokens.access_token),
        "life": life,
        "due_in": due_in(life, rests=rests(attempt.unused_for)),
        "scopes": _as_column(scopes),
    }


def _sealed(attempt: Attempt, column: str, token: Secret) -> bytes:
    place = sealed_column(column).place(row=attempt.link.uid, epoch=attempt.link.epoch)
    return attempt.keyring.seal(token, place)


def _tell(attempt: Attempt, tokens: TokenSet) -> None:
    link = attempt.link
    logger.info("link=%s refresh=stored generation=%s", link.uid, link.generation + 1)
    if tokens.access_token is None:
        announce.refresh_failed(link.pk, error="no_access_token")
        return
    if tokens.scopes is not None and (lost := set(link.granted_scopes) - set(tokens.scopes)):
        logger.warning("link=%s scopes_lost=%s", link.uid, printable(" ".join(sorted(lost))))
    announce.refreshed(link.pk)


def _settle_with_row(attempt: Attempt, tokens: TokenSet) -> None:
    """The statement changed nothing: find out why, and keep no token alive that nobody holds."""
    link = attempt.link
    row = BufferLink.objects.as_held().filter(pk=link.pk).first()
    if row is None or row.status == BufferLink.Status.DISCONNECTED:
        if tokens.refresh_token:
            PendingRevocation.objects.post(
                tokens.refresh_token, account_key=link.account_key, instance=link.instance
            )
        logger.info("link=%s refresh=revoking cause=disconnected", link.uid)
    elif _is_mine(attempt, tokens, row):
        _tell(attempt, tokens)
    else:
        # Another epoch, or a sibling's answer to this generation. Revoking this one could kill
        # the grant that the row now lives on.
        logger.info("link=%s refresh=discarded generation=%s", link.uid, row.generation)


def _is_mine(attempt: Attempt, tokens: TokenSet, row: BufferLink) -> bool:
    """Whether a COMMIT whose outcome was unknown had worked."""
    link, token = attempt.link, tokens.refresh_token or attempt.token
    if (row.epoch, row.generation) != (link.epoch, link.generation + 1):
        return False
    try:
        return attempt.keyring.verify_digest(row.refresh_token_digest, token, DIGEST_PURPOSE)
    except KeyUnavailable:
        # Sealed with a key that only other processes know yet.
        return False
