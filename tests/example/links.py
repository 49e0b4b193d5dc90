"""A link of the page, with the account that the sandbox knows it by."""

from buffer_connect.models import BufferLink
from tests.links import link_to


def connected(sandbox, user, account="account-1"):
    link = link_to(sandbox, user, account=account)
    BufferLink.objects.filter(pk=link.pk).update(account_id=account)
    return link
