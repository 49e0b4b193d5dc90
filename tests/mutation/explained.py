"""Conditions that can go without a test that fails, each with the proof that it says nothing."""

from tests.mutation.terms import FALSE, TRUE

# Of these in every statement.
EVERYWHERE = {
    "{unflushed}": "It is true: it only lets the commit return before it is on disk.",
    "{briefly}": "It is true: it only bounds the wait for a row that others have locked.",
}

_NO_API_KEY = "No API key has an expires_at that passes (constraint buffer_link_key_is_constant)."

# The name of the statement, the condition, what stands instead, the how-manyth of those that read
# alike; and why the others say the same.
EXPLAINED = {
    ("refresh.postpone", "sent_count = 1", FALSE, 0): (
        "Only for sent_ended_at, which nobody asks for while sent_generation is NULL (T2 clears it)."
    ),
    ("store.lapse", "kind = 'oauth'", TRUE, 0): _NO_API_KEY,
    ("store.lapsed", "kind = 'oauth'", TRUE, 0): _NO_API_KEY,
}


def proof_for(name, mutant):
    """Return the proof that a condition of the statement `name` says nothing; None without one."""
    exactly = name, mutant.term, mutant.instead, mutant.place
    return EXPLAINED.get(exactly) or EVERYWHERE.get(mutant.term)
