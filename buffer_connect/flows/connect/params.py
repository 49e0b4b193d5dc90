"""The query of an authorization response: code and state are in it."""

from typing import Self

from django.http import HttpRequest, QueryDict

# Where servers and proxies put the whole address, beside QUERY_STRING.
ADDRESSES = ("REQUEST_URI", "RAW_URI", "HTTP_X_ORIGINAL_URI", "HTTP_X_ORIGINAL_URL")


class Params(dict[str, list[str]]):
    """The values of each parameter; no error report shows them."""

    def __repr__(self) -> str:
        return "Params(…)"

    @classmethod
    def take(cls, request: HttpRequest) -> Self:
        """Take the query out of `request`: whatever reports an error or logs later finds none.

        Servers that write their access log from the WSGI environment or the ASGI scope find none
        either.
        """
        params = cls((name, list(values)) for name, values in request.GET.lists())
        request.GET = QueryDict("")
        request.META["QUERY_STRING"] = ""
        for name in ADDRESSES:
            if name in request.META:
                request.META[name] = str(request.META[name]).partition("?")[0]
        if scope := getattr(request, "scope", None):
            scope["query_string"] = b""
        return params
