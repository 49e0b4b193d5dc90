"""Who is signed in: the account that the browser names in a header."""

from django.contrib.auth.middleware import RemoteUserMiddleware


class SignedIn(RemoteUserMiddleware):
    """Signs in the account of the header, and makes it when it is new."""

    header = "HTTP_X_ACCOUNT"
