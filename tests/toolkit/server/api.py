"""Buffer's API, as far as it tells whose token it is."""

from django.http import JsonResponse
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.oauth2_backends import get_oauthlib_core

DEAD = {"errors": [{"message": "Not authenticated", "extensions": {"code": "UNAUTHENTICATED"}}]}


@csrf_exempt
def api(request):
    """Answer every query with the account of the token."""
    accepted, asked = get_oauthlib_core().verify_request(request, scopes=["account:read"])
    if not accepted:
        return JsonResponse(DEAD, status=401)
    name = asked.user.get_username()
    account = {
        "id": name,
        "email": f"{name}@toolkit.invalid",
        "name": f"Toolkit {name}",
        "organizations": [{"id": f"organization-of-{name}", "name": "Works"}],
    }
    return JsonResponse({"data": {"account": account}})
