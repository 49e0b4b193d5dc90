"""This package's errors as the answers of a site's own API."""

import math
from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.http import http_date

from buffer_connect import prompts, wording
from buffer_connect.exceptions import (
    AmbiguousLink,
    BufferAPIError,
    BufferUnavailable,
    MissingScope,
    MutationFailed,
    RateLimited,
    TokenUnavailable,
)

# The status and the code of what is Buffer's to mend, or passes by itself.
STATUSES: Mapping[type[Exception], tuple[int, str]] = {
    RateLimited: (429, "rate_limited"),
    TokenUnavailable: (503, "token_unavailable"),
    BufferUnavailable: (503, "unavailable"),
    BufferAPIError: (502, "api_error"),
    MutationFailed: (422, "mutation_failed"),
}


def error_response(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """Return the JSON answer for `error`, or None where a caller could not make anything of it.

    401 for `NotLinked` and `LinkRevoked` and 403 for `MissingScope`, with `connect_url`; 409 for
    `AmbiguousLink`, with `links_url`; 429 for `RateLimited`, 503 for `TokenUnavailable` and
    `BufferUnavailable`, with `Retry-After` where that is known; 502 for `BufferAPIError`; 422 for
    `MutationFailed`, with what Buffer says. None for every other error, for one about links of
    somebody else than `request.user`, and for one that holds keys in the place of links or users,
    as from a Celery result in JSON: let it pass, so that the site's operator learns of it.
    """
    if isinstance(error, (*prompts.CURABLE, AmbiguousLink)):
        return _prompt(request, error) if prompts.is_own(request, error) else None
    for kind, (status, code) in STATUSES.items():
        if isinstance(error, kind):
            reason = error.type if isinstance(error, MutationFailed) else None
            told = {"error": code, "reason": reason, "detail": wording.failure(error)}
            return prompts.finished(JsonResponse(told, status=status, headers=_pause(error)))
    return None


def _prompt(request: HttpRequest, error: prompts.Curable | AmbiguousLink) -> HttpResponse:
    if isinstance(error, AmbiguousLink):
        told = prompts.document(request, error, links_url=reverse("buffer_connect:links"))
        return prompts.finished(JsonResponse(told, status=409))
    address = prompts.Cure.of(error, ()).address(prompts.referring_page(request))
    told = prompts.document(request, error, connect_url=address)
    # RFC 6750 section 3.1: a scope that is missing is a 403.
    status = 403 if isinstance(error, MissingScope) else 401
    return prompts.finished(JsonResponse(told, status=status))


def _pause(error: Exception) -> dict[str, str]:
    """Return `Retry-After`: seconds, or a date (RFC 9110 section 10.2.3)."""
    match error:
        case RateLimited(retry_after=float() | int() as pause):
            return {"Retry-After": str(math.ceil(pause))}
        case BufferUnavailable(retry_after=float() | int() as pause):
            return {"Retry-After": str(math.ceil(pause))}
        case TokenUnavailable(retry_at=moment) if moment is not None:
            return {"Retry-After": http_date(moment.timestamp())}
    return {}
