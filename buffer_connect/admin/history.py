"""What happened to a link, below its detail."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from buffer_connect import wording
from buffer_connect.models import LinkEvent

# By what Buffer said to a disconnect.
REVOKED_AT_BUFFER = {
    True: _("Buffer has withdrawn the permission."),
    False: _("Buffer did not confirm it at once."),
    None: _("There was nothing to revoke at Buffer."),
}


class HistoryInline(admin.TabularInline):  # type: ignore[type-arg] # not generic at run time
    """The events of a link, the newest first; whoever may see the link sees them."""

    model = LinkEvent
    verbose_name_plural = _("history")
    fields = readonly_fields = ("created_at", "kind", "why", "generation", "announced_at")
    ordering = ("-pk",)
    extra = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("why"))
    def why(self, event: LinkEvent) -> Any:
        if event.kind == LinkEvent.Kind.DISCONNECTED:
            return REVOKED_AT_BUFFER[event.revoked_at_buffer]
        return wording.REASONS.get(event.reason, "")
