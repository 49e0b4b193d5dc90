"""What only the tests ask: to begin anew, to change settings, to look at what came and what lives."""

import json

from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import JsonResponse
from django.test.signals import setting_changed
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.models import RefreshToken

AS_STARTED = settings.OAUTH2_PROVIDER
# Each token request as it came.
RECORD = []


class Recorded:
    """Writes down the requests to the token endpoint."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.path == "/o/token/":
            RECORD.append({"form": dict(request.POST.lists()), "headers": dict(request.headers)})
        return self.get_response(request)


@csrf_exempt
def reset(request):
    """Forget all accounts with all that was granted, and all changes."""
    get_user_model().objects.all().delete()
    RECORD.clear()
    _provide({})
    return JsonResponse({})


@csrf_exempt
def change(request):
    """Change keys of OAUTH2_PROVIDER."""
    _provide(json.loads(request.body))
    return JsonResponse({})


def state(request):
    """Show the token requests, and all refresh tokens ever issued."""
    tokens = RefreshToken.objects.order_by("pk").values(
        "token_checksum", "token_family", "revoked", "access_token"
    )
    return JsonResponse({"requests": RECORD, "refresh_tokens": list(tokens)})


def _provide(changes):
    settings.OAUTH2_PROVIDER = {**AS_STARTED, **changes}
    setting_changed.send(None, setting="OAUTH2_PROVIDER", value=None, enter=True)
