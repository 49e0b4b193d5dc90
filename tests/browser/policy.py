"""A strict Content Security Policy, by Django 6's setting on every Django."""

from django.conf import settings
from django.utils.deprecation import MiddlewareMixin

SELF, NOTHING = ["'self'"], ["'none'"]


def strict(*form_targets):
    """Return a policy that allows the site's own files, and forms that end at `form_targets`."""
    return {
        "default-src": NOTHING,
        "img-src": SELF,
        "script-src": SELF,
        "style-src": SELF,
        "form-action": [*SELF, *form_targets],
        "base-uri": NOTHING,
        "frame-ancestors": NOTHING,
    }


class ContentSecurityPolicy(MiddlewareMixin):
    """Sends `SECURE_CSP` with every response, where a test has set it."""

    def process_response(self, request, response):
        policy = getattr(settings, "SECURE_CSP", None)
        if policy:
            directives = [" ".join([name, *sources]) for name, sources in policy.items()]
            response.headers["Content-Security-Policy"] = "; ".join(directives)
        return response
