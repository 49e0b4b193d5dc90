"""What a link's own page shows."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from buffer_connect.models import BufferLink

LINK = ("user", "badge", "why", "status_changed_at")
ACCOUNT = ("account_name", "account_email", "account_id", "organization_names")
ACCESS = ("kind", "scopes", "connected_at", "expiry", "last_used_at")
REFRESHES = ("last_refreshed_at", "failures", "last_error")
PROTOCOL = (
    "uid",
    "epoch",
    "generation",
    "sent_generation",
    "sent_count",
    "sent_at",
    "sent_ended_at",
    "lease_until",
    "rejected_generation",
    "forced_at",
    "refused_generation",
    "refused_reason",
    "anomaly_at",
    "restored_at",
    "instance",
)


def of(link: BufferLink | None) -> list[tuple[Any, dict[str, Any]]]:
    """Return the fieldsets of `link`: of what has ended, no plan is shown that will not come."""
    is_active = link is not None and link.is_active
    refreshes = ("next_attempt", *REFRESHES) if is_active else REFRESHES
    protocol = (*PROTOCOL, "refresh_due_at") if is_active else PROTOCOL
    return [
        (None, {"fields": LINK}),
        (_("Account"), {"fields": ACCOUNT}),
        (_("Access"), {"fields": ACCESS}),
        (_("Refreshing"), {"fields": refreshes}),
        (_("Protocol"), {"classes": ("collapse",), "fields": protocol}),
    ]
