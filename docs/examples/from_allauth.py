"""Hand Buffer accounts over that were linked with django-allauth."""

from allauth.socialaccount.models import SocialToken
from django.db import transaction
from django.utils import timezone

from buffer_connect.models import BufferLink

PROVIDER = "buffer"
# allauth does not keep what was granted: name what your provider asked for.
SCOPES = ["account:read", "posts:read", "posts:write", "offline_access"]


def move_all():
    """Return why a token was refused, by its primary key."""
    refused = {}
    tokens = SocialToken.objects.filter(account__provider=PROVIDER)
    for token in tokens.select_related("account__user").iterator():
        try:
            move(token)
        except ValueError as error:
            refused[token.pk] = str(error)
    return refused


def move(token):
    with transaction.atomic():
        BufferLink.objects.adopt(
            user=token.account.user,
            account_id=token.account.uid,
            access_token=token.token,
            refresh_token=token.token_secret or None,
            expires_in=seconds_left(token.expires_at),
            scopes=SCOPES,
        )
        token.delete()


def seconds_left(expires_at):
    return (expires_at - timezone.now()).total_seconds() if expires_at else 0
