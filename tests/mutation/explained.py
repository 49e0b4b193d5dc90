"""Conditions that can go without a test that fails, each with the proof that it says nothing."""

from tests.mutation.fences import LEFT_OUT
from tests.mutation.terms import FALSE, TRUE

# Of these in every statement.
EVERYWHERE = {
    "{unflushed}": "It is true: it only lets the commit return before it is on disk.",
    "{briefly}": "It is true: it only bounds the wait for a row that others have locked.",
}

_NO_API_KEY = "No API key has an expires_at that passes (constraint buffer_link_key_is_constant)."

_OWN = "_own has compared it with the same row, and no request changes hands."
_MARKED = "The statement mark_restored says the same of each row."

# The name of the statement or function, the condition, what stands instead, the how-manyth of those that read
# alike; and why the others say the same.
EXPLAINED = {
    ("refresh.postpone", "sent_count = 1", FALSE, 0): (
        "Only for sent_ended_at, which nobody asks for while sent_generation is NULL (T2 clears it)."
    ),
    ("store.lapse", "kind = 'oauth'", TRUE, 0): _NO_API_KEY,
    ("store.lapsed", "kind = 'oauth'", TRUE, 0): _NO_API_KEY,
    ("flows.connect.finish:_consume", "user_id=browser.user.pk", LEFT_OUT, 0): _OWN,
    ("flows.connect.finish:_consume", "session_hash=browser.session_hash", LEFT_OUT, 0): _OWN,
    ("flows.connect.store:_event_of", "link__user_id=user_id", LEFT_OUT, 0): (
        "An epoch is drawn at random (UUID), and of one link: this finds its events by an index."
    ),
    ("flows.connect.store:_event_of", "kind=LinkEvent.Kind.CONNECTED", LEFT_OUT, 0): (
        "The first event of an epoch is that of its connect, and first() takes the lowest id."
    ),
    ("flows.copies:adopt_all", "instance=conf.instance", LEFT_OUT, 0): (
        "What is this instance's becomes this instance's: no row changes by it."
    ),
    ("flows.copies:mark_restored", "active()", LEFT_OUT, 0): _MARKED,
    ("flows.copies:mark_restored", "kind=BufferLink.Kind.OAUTH", LEFT_OUT, 0): _MARKED,
    ("flows.refresh.breaker:_row", "name=Halt.BREAKER", LEFT_OUT, 0): (
        "Only the breaker's row has a key."
    ),
    ("flows.refresh.claim:_is_recorded", "pk=link.pk", LEFT_OUT, 0): (
        "An epoch is drawn at random (UUID), and of one link."
    ),
    ("flows.refresh.endings:_look_at_account", "active()", LEFT_OUT, 0): (
        "The statement of S says the same of each row."
    ),
    ("models.event:LinkEventQuerySet.refusals", "kind=LinkEvent.Kind.REVOKED", LEFT_OUT, 0): (
        "Nothing but an end is written as refused (flows.refresh.endings)."
    ),
}


def proof_for(name, mutant):
    """Return the proof that a condition of `name` says nothing; None without one."""
    exactly = name, mutant.term, mutant.instead, mutant.place
    return EXPLAINED.get(exactly) or EVERYWHERE.get(mutant.term)
