"""Prompts for views that decorate nothing."""

from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from buffer_connect import prompts


class ReconnectMiddleware(MiddlewareMixin):
    """Sends a user to connect whose view raises `NotLinked`, `LinkRevoked` or `MissingScope`.

    As `buffer_link_required` does, with its forms for JSON and HTMX; templates that are rendered
    after the view are covered too. Place it after `AuthenticationMiddleware`.
    """

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the prompt, or None for what this user cannot cure."""
        return prompts.answer(request, exception)
