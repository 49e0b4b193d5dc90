"""What a site can listen to.

The sender is `BufferLink`. Signals go out after the commit, with `send_robust`. Those with
an `event_id` come at least once (the id tells repeats apart), the others at most once.
"""

from django.dispatch import Signal

# A user linked an account, or linked it again.
# Arguments: link, request (None when the signal is caught up later, and when a link came back
# without the user), created (False for a link that was there before, or that came back), event_id.
link_connected = Signal()

# A refresh stored a new token set.
# Arguments: link.
link_refreshed = Signal()

# A refresh gave no usable access token; the link lives on and is tried again.
# Arguments: link, error (a short code), retry_at (datetime or None).
link_refresh_failed = Signal()

# A link ended and only the user can renew it.
# Arguments: link, reason (a BufferLink.Reason), event_id.
link_revoked = Signal()

# A user disconnected a link; its tokens and what it knew of the account are wiped.
# Arguments: link, request (None when the signal is caught up later), revoked_at_buffer (True:
# Buffer has revoked the permission; False: it is still to be told; None: there was nothing to
# revoke, or another link lives on the account), event_id.
link_disconnected = Signal()
