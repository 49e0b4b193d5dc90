"""The answers of the token endpoint: R, T3, T7, T7b, the ends D, E and U1, and U2."""

from buffer_connect.models.statements.statement import Statement

_ROW = "id = %(pk)s AND epoch = %(epoch)s AND generation = %(generation)s"
_HELD = f"{_ROW} AND {{briefly}}"
_NOT_HELD_BACK = "(refused_generation IS NULL OR refused_generation <> generation)"
_NOTHING_SENT = """
  lease_owner = NULL, lease_until = NULL, sent_generation = NULL, sent_at = NULL,
  sent_ended_at = NULL, sent_count = 0"""
_NOTHING_REFUSED = """
  rejected_generation = NULL, refused_generation = NULL, refused_reason = '',
  restored_at = NULL"""

# R: the user has authorized again, or pasted another key. The old refresh token is not revoked: two
# authorizations may share one grant, and then that would kill the new one.
reconnect = Statement(f"""
UPDATE {{link}} SET
  epoch = %(epoch)s, generation = 1, connected_at = {{now}},
  refresh_token = %(refresh_token)s, access_token = %(access_token)s,
  refresh_token_digest = %(digest)s,
  expires_at = CASE WHEN kind = 'oauth' THEN {{now:+life}} ELSE NULL END,
  granted_scopes = %(scopes)s,
  refresh_due_at = CASE WHEN %(refreshable)s = 1 THEN {{now:+due_in}} ELSE NULL END,
  status = 'active', status_changed_at = {{now}}, reason = '', last_error = '', failures = 0,
  forced_at = NULL, anomaly_at = NULL, last_refreshed_at = NULL, next_attempt_at = NULL,
  instance = %(instance)s,
  {_NOTHING_SENT}, {_NOTHING_REFUSED}
WHERE id = %(pk)s
""")

# T3: the successor of this generation. Who holds the lease does not matter: the answer to a
# generation is the only valid successor of that generation.
store = Statement(f"""
UPDATE {{link}} SET
  generation = generation + 1,
  refresh_token = %(refresh_token)s, access_token = %(access_token)s,
  refresh_token_digest = %(digest)s, expires_at = {{now:+life}},
  granted_scopes = %(scopes)s, refresh_due_at = {{now:+due_in}}, last_refreshed_at = {{now}},
  forced_at = CASE WHEN rejected_generation = %(generation)s THEN {{now}} ELSE forced_at END,
  status_changed_at = CASE WHEN status = 'active' THEN status_changed_at ELSE {{now}} END,
  status = 'active', reason = '', last_error = '', failures = 0, next_attempt_at = NULL,
  instance = {{taken_over}},
  {_NOTHING_SENT}, {_NOTHING_REFUSED}
WHERE {_HELD} AND status = %(status)s
""")

# T3 when only a refresh token came: the old access token serves on, unless the API refused it.
store_refresh_token = Statement(f"""
UPDATE {{link}} SET
  generation = generation + 1,
  refresh_token = %(refresh_token)s, refresh_token_digest = %(digest)s,
  access_token =
    CASE WHEN rejected_generation = %(generation)s THEN NULL ELSE access_token END,
  expires_at = CASE WHEN rejected_generation = %(generation)s THEN {{now}} ELSE expires_at END,
  refresh_due_at = {{now}}, next_attempt_at = {{now:+delay}}, last_refreshed_at = {{now}},
  status_changed_at = CASE WHEN status = 'active' THEN status_changed_at ELSE {{now}} END,
  status = 'active', reason = '', last_error = %(error)s, failures = failures + 1,
  instance = {{taken_over}},
  {_NOTHING_SENT}, {_NOTHING_REFUSED}
WHERE {_HELD} AND status = %(status)s
""")

_END = """
UPDATE {link} SET status = 'revoked', reason = %(reason)s, status_changed_at = {now},
  refresh_token = NULL, access_token = NULL, lease_until = NULL, lease_owner = NULL
"""

# T7: the token endpoint refused the generation that is held.
refuse = Statement(f"{_END} WHERE {_HELD} AND status = 'active' AND {{ours}}")

# T7b: it did so while the brake was on. What was sent has been answered.
hold_back = Statement(f"""
UPDATE {{link}} SET refused_generation = %(generation)s, refused_reason = %(reason)s,
  sent_generation = NULL, sent_count = 0, lease_until = {{now}}
WHERE {_HELD} AND status = 'active' AND {{ours}}
""")

# T7 of what was held back.
refuse_held_back = Statement(f"""{_END}
WHERE {_HELD} AND refused_generation = %(generation)s AND status = 'active' AND {{ours}}
""")

# What was held back is tried again, as if it had not been refused.
retry_held_back = Statement("""
UPDATE {link} SET refused_generation = NULL, refused_reason = '', next_attempt_at = NULL,
  refresh_due_at = CASE WHEN refresh_token IS NULL THEN NULL ELSE {now} END
WHERE refused_generation = generation AND status = 'active' AND {ours}
""")

# E1: the access token is over, and nothing was ever there to refresh it with.
lapse = Statement(f"""{_END}
WHERE id = %(pk)s AND refresh_token IS NULL AND kind = 'oauth' AND expires_at <= {{now}}
  AND {_NOT_HELD_BACK} AND status = 'active' AND {{ours}} AND {{briefly}}
""")

# What is never refreshed has no due time; so the index of what is due finds these too.
lapsed = Statement(f"""
SELECT id FROM {{link}} WHERE status = 'active' AND refresh_due_at IS NULL
  AND refresh_token IS NULL AND kind = 'oauth' AND expires_at <= {{now}}
  AND {_NOT_HELD_BACK} AND {{ours}} AND {{unflushed}} LIMIT %(limit)s {{skip_locked}}
""")

# E2: in doubt, over, and not to be sent again. What is held back is not in doubt.
give_up = Statement(f"""{_END}
WHERE {_HELD} AND lease_owner = %(owner)s AND sent_generation = %(generation)s
  AND status = 'active' AND {{ours}}
""")

# U1: the API refused a token that a forced refresh had just given, or a key, which nothing can
# follow; the tokens are kept, for the refusal may pass. While this generation is out, the refusal
# may only mean that the server has rotated already.
unauthorized = Statement(f"""
UPDATE {{link}} SET status = 'revoked', reason = %(reason)s, status_changed_at = {{now}}
WHERE {_HELD} AND status = 'active' AND {{ours}}
  AND (kind = 'api_key' OR forced_at > {{now:-forced_for}})
  AND (sent_generation IS NULL OR sent_generation <> generation)
""")

# U2: the API accepts the access token after all, or a refresh may show whether it does.
restore = Statement(f"""
UPDATE {{link}} SET status = 'active', reason = '', status_changed_at = {{now}},
  rejected_generation = NULL, forced_at = NULL, refused_generation = NULL, refused_reason = '',
  refresh_due_at = CASE WHEN refresh_due_at IS NULL THEN NULL ELSE {{now}} END
WHERE {_HELD} AND status = 'revoked' AND reason = 'unauthorized' AND {{ours}}
""")

# D: the user ended it here. What was sent stays on record for the answers that are under way.
disconnect = Statement(f"""
UPDATE {{link}} SET status = 'disconnected', status_changed_at = {{now}}, reason = '',
  refresh_token = NULL, access_token = NULL, lease_until = NULL, lease_owner = NULL,
  account_id = '', account_email = '', account_name = '', organizations = '[]'
WHERE {_ROW} AND status <> 'disconnected' AND {{ours}}
""")
