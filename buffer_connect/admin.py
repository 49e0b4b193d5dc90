"""A window on the links: nothing in it can be changed, no token is in it."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from buffer_connect import wording
from buffer_connect.models import BufferLink

SECRET = ("refresh_token", "access_token", "refresh_token_digest")


@admin.register(BufferLink)
class BufferLinkAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # not generic at run time
    """Links to look at. They can be deleted, since their users can, and then Buffer is told."""

    list_display = ("account", "user", "status", "reason", "expires_at", "last_refreshed_at")
    list_filter = ("status", "reason", "kind")
    list_select_related = ("user",)
    fieldsets = (
        (None, {"fields": ("account", "user", "status", "why", "status_changed_at")}),
        (
            _("Account"),
            {"fields": ("account_name", "account_email", "account_id", "organization_names")},
        ),
        (_("Access"), {"fields": ("kind", "scopes", "connected_at", "expires_at", "last_used_at")}),
        (
            _("Refreshing"),
            {
                "fields": (
                    "last_refreshed_at",
                    "refresh_due_at",
                    "next_attempt_at",
                    "failures",
                    "last_error",
                    "generation",
                    "sent_at",
                    "uid",
                )
            },
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: BufferLink | None = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return not lookup.startswith(SECRET) and super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[BufferLink]:
        return super().get_queryset(request).defer(*SECRET)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        user = f"user__{get_user_model().USERNAME_FIELD}"
        return ("account_name", "account_email", "account_id", user)

    @admin.display(description=_("account"), ordering="account_name")
    def account(self, link: BufferLink) -> str:
        return str(link)

    @admin.display(description=_("why"))
    def why(self, link: BufferLink) -> Any:
        return wording.REASONS.get(link.reason, "")

    @admin.display(description=_("scopes"))
    def scopes(self, link: BufferLink) -> str:
        return " ".join(link.granted_scopes)

    @admin.display(description=_("organizations"))
    def organization_names(self, link: BufferLink) -> str:
        return ", ".join(str(organization.get("name", "")) for organization in link.organizations)
