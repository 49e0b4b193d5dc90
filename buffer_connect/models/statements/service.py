"""What stops all processes, and what all of them draw from: the breaker, the brake, the bucket."""

from buffer_connect.models.statements.statement import Statement

# What stops T1.
HALTS = """
SELECT s.name FROM {service} s WHERE s.opened_at IS NOT NULL
  AND (s.name = 'brake' OR (s.name = 'breaker' AND s.key = %(client_key)s))
"""
_halts = Statement(HALTS)

# It fills by so much a second. One that nobody has drawn from for two seconds is full, whatever it
# owed; so is a new one, and one whose clock was set.
_FILLED = "tokens + {age:updated_at} * %(rate)s"
_TOKENS = f"""
  CASE WHEN {{age:updated_at}} BETWEEN -2 AND 2 AND {_FILLED} < %(rate)s
       THEN {_FILLED} ELSE %(rate)s END
"""

# updated_at stands last, for MySQL evaluates SET from left to right.
_draw = Statement(f"""
UPDATE {{service}} SET
  tokens = CASE WHEN {_TOKENS} - %(sends)s < -%(rate)s THEN -%(rate)s
                ELSE {_TOKENS} - %(sends)s END,
  updated_at = {{now}}
WHERE name = 'bucket' AND {_TOKENS} >= %(least)s AND {{unflushed}}
""")


def halts(*, client_key: str) -> set[str]:
    """Return what forbids to claim: `brake`, and `breaker` for the client with this key."""
    return {name for (name,) in _halts.rows_at_last(client_key=client_key)}


def draw(*, sends: int, rate: int) -> int:
    """Take `sends` out of the bucket, which holds what may be sent in a second, `rate` at most.

    0 when it holds less, is missing, or others are at it.
    """
    return _draw.if_free(sends=sends, least=sends, rate=float(rate))


def overdraw(*, sends: int, rate: int) -> int:
    """Take `sends` out of the bucket, whatever it holds; or put them back, when negative.

    What it owes never exceeds what may be sent in a second. 0 when it is missing, or others are
    at it.
    """
    return _draw.if_free(sends=sends, least=-2.0 * rate, rate=float(rate))
