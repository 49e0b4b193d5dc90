"""After a copy: whose links they are, and that their tokens may have been used elsewhere."""

from buffer_connect.models.statements.statement import Statement

# This instance of the site takes over; whatever brake held a link back was another's.
adopt = Statement("""
UPDATE {link} SET instance = %(instance)s, refused_generation = NULL, refused_reason = ''
WHERE id IN ({ids}) AND instance <> %(instance)s
""")

# The database was restored: what was given out since is lost. Cleared by the next store.
mark_restored = Statement("""
UPDATE {link} SET restored_at = {now}
WHERE id IN ({ids}) AND status = 'active' AND kind = 'oauth'
""")
