"""The list of links, and the detail of one."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import DELETION
from django.contrib.admin.utils import display_for_value
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from buffer_connect.admin import (
    actions,
    columns,
    ending,
    fieldsets,
    incidents,
    journal,
    standing,
)
from buffer_connect.admin.history import HistoryInline
from buffer_connect.admin.listing import LinkList
from buffer_connect.models import BufferLink
from buffer_connect.transactions import own_transactions

SECRET = ("refresh_token", "access_token", "refresh_token_digest")


@admin.register(BufferLink)
class BufferLinkAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # not generic at run time
    """Links to look at, and three things to ask for; `change` is the permission to ask.

    They can be deleted, since their users can, and then Buffer is told.
    """

    list_display = columns.COLUMNS
    list_filter = ("status", standing.RefreshingFilter, "reason", "kind")
    list_select_related = ("user",)
    # It reads every row twice: an index would cost every refresh more than it saves here.
    date_hierarchy = "status_changed_at"
    # One count less on every page that is searched or filtered.
    show_full_result_count = False
    actions = (actions.refresh_now, actions.check_again, actions.disconnect)
    inlines = (HistoryInline,)

    class Media:
        css = {"all": ("buffer_connect/admin.css",)}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: BufferLink | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: BufferLink | None = None) -> bool:
        return super().has_view_permission(request, obj) or self.has_operate_permission(request)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whether the user may ask the flows for something: the change permission."""
        return super().has_change_permission(request)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return not lookup.startswith(SECRET) and super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        links: QuerySet[Any] = super().get_queryset(request).annotate(standing=standing.STANDING)
        return links.defer(*SECRET)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[LinkList]:
        return LinkList

    def get_fieldsets(self, request: HttpRequest, obj: BufferLink | None = None) -> Any:
        return fieldsets.of(obj)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        user = f"user__{get_user_model().USERNAME_FIELD}"
        # The logs name links by their uid.
        return ("account_name", "account_email", "account_id", user, "uid")

    # What the flows do is committed step by step, whatever ATOMIC_REQUESTS says.
    @own_transactions
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {"incidents": incidents.told(), **(extra_context or {})}
        return super().changelist_view(request, context)

    @own_transactions
    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        return super().delete_view(request, object_id, extra_context)

    def delete_model(self, request: HttpRequest, obj: BufferLink) -> None:
        # Django's view is inside a transaction here.
        after = partial(ending.delete, request, [obj])
        transaction.on_commit(after, using=BufferLink.written_on())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[BufferLink]) -> None:
        ending.delete(request, list(queryset))

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        return journal.write(request, queryset, DELETION)

    @admin.display(description=_("status"))
    def badge(self, link: Any) -> SafeString:
        return standing.badge(link.standing)

    @admin.display(description=_("why"))
    def why(self, link: Any) -> str:
        return standing.why(link, link.standing) or self.get_empty_value_display()

    @admin.display(description=_("scopes"))
    def scopes(self, link: BufferLink) -> str:
        return " ".join(link.granted_scopes)

    @admin.display(description=_("expires at"))
    def expiry(self, link: BufferLink) -> Any:
        return display_for_value(standing.expiry(link), self.get_empty_value_display())

    @admin.display(description=_("next attempt"))
    def next_attempt(self, link: BufferLink) -> Any:
        return display_for_value(standing.next_attempt(link), self.get_empty_value_display())

    @admin.display(description=_("organizations"))
    def organization_names(self, link: BufferLink) -> str:
        names = (str(organization.get("name", "")) for organization in link.organizations)
        return ", ".join(names) or self.get_empty_value_display()
