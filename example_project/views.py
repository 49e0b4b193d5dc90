"""The one page, and what its buttons do."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from example_project import trouble
from example_project.cards import cards

BUTTONS: dict[str, Callable[[User], None]] = {
    "two-workers": trouble.two_workers,
    "lose-answer": trouble.lose_next_answer,
    "revoke": trouble.revoke_at_buffer,
    "call": trouble.call_with_package,
    "start-over": trouble.start_usual_code,
}
# What needs no sandbox.
HARMLESS = {"call"}


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Show the cards, or the way in."""
    if not isinstance(request.user, User):
        return render(
            request, "example_project/welcome.html", {"uses_sandbox": settings.USES_SANDBOX}
        )
    return render(request, "example_project/page.html", cards(request.user))


@require_POST
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in as the demo user without a password: in front of the sandbox nothing is at stake."""
    if not (settings.USES_SANDBOX and settings.DEBUG):
        raise Http404
    user = get_object_or_404(User, username="demo")
    login(request, user)
    if not trouble.usual_links(user):
        trouble.start_usual_code(user)
    return redirect("page")


@require_POST
@login_required
def press(request: HttpRequest, button: str) -> HttpResponse:
    """Do what a button says, for the signed-in user's links."""
    if button not in BUTTONS or not (settings.USES_SANDBOX or button in HARMLESS):
        raise Http404
    if isinstance(request.user, User):
        BUTTONS[button](request.user)
    return redirect("page")
