"""Hand Buffer accounts over that were linked with social-auth-app-django."""

from django.db import transaction
from social_django.models import UserSocialAuth

from buffer_connect.models import BufferLink

PROVIDER = "buffer"
# For rows whose backend does not keep `scope`: what it asked for.
SCOPES = "account:read posts:read posts:write offline_access"
TOKENS = {"access_token", "refresh_token"}


def move_all():
    """Return why a row was refused, by its primary key."""
    refused = {}
    rows = UserSocialAuth.objects.filter(provider=PROVIDER).select_related("user")
    for row in rows.iterator():
        if TOKENS.isdisjoint(row.extra_data):
            continue
        try:
            move(row)
        except ValueError as error:
            refused[row.pk] = str(error)
    return refused


def move(row):
    left = row.expiration_timedelta()
    with transaction.atomic():
        BufferLink.objects.adopt(
            user=row.user,
            account_id=row.uid,
            access_token=row.extra_data.get("access_token"),
            refresh_token=row.extra_data.get("refresh_token"),
            expires_in=left.total_seconds() if left else 0,
            scopes=(row.extra_data.get("scope") or SCOPES).split(),
        )
        kept = {name: value for name, value in row.extra_data.items() if name not in TOKENS}
        row.extra_data = kept
        row.save(update_fields=["extra_data"])
