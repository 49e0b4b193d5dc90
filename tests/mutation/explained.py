"""Conditions that can go without a test that fails, each with the proof that it says nothing."""

from fnmatch import fnmatch

# The names of the statements; the condition; and why the others say the same.
EXPLAINED = [
    (
        "*",
        "{unflushed}",
        "It is true wherever it stands: it only lets the commit return before it is on disk.",
    ),
    (
        "*",
        "{briefly}",
        "It is true wherever it stands: it only bounds the wait for a row that others have locked.",
    ),
    (
        "refresh.postpone",
        "sent_count = 1",
        "Only for sent_ended_at, which nobody asks for while sent_generation is NULL (T2 clears it).",
    ),
    (
        "store.lapse*",
        "kind = 'oauth'",
        "An API key has no expires_at (constraint buffer_link_key_is_constant), so it has not passed.",
    ),
]


def proof_for(name, mutant):
    """Return the proof that a condition of the statement `name` says nothing; None without one."""
    for names, term, proof in EXPLAINED:
        if fnmatch(name, names) and term == mutant.term:
            return proof
    return None
