"""Keys for the tests: which the site holds, and which of them seals."""

from io import StringIO

from django.conf import settings as site
from django.core.management import CommandError, call_command

from buffer_connect.models import BufferLink
from buffer_connect.sealing import generate_entry, kid_of

OLD = site.BUFFER_CONNECT["ENCRYPTION_KEYS"][0]
NEW = generate_entry("new")


def hold(settings, *entries):
    """Let the site hold these keys; the first one seals."""
    settings.BUFFER_CONNECT = {**settings.BUFFER_CONNECT, "ENCRYPTION_KEYS": [*entries]}


def other_key(entry):
    """Another key under the id of `entry`."""
    return generate_entry(entry.partition(":")[0])


def rotate(*arguments, out=None):
    """Run the command; return its exit code and all that it prints."""
    out = StringIO() if out is None else out
    try:
        call_command("buffer_rotate_keys", *arguments, stdout=out, stderr=out, no_color=True)
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


def kids_of(link):
    """The ids of the keys of a link's refresh token, access token and digest."""
    row = BufferLink.objects.get(pk=link.pk)
    blobs = (row.refresh_token, row.access_token)
    digest = row.refresh_token_digest.partition(":")[0]
    return *(blob and kid_of(blob) for blob in blobs), digest
