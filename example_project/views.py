"""The one page, and what its buttons do."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from example_project import sandbox_control, trouble
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
# The demo's user; `prepare_demo` makes it.
USERNAME = "demo"


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Show the cards, or the way in."""
    if not request.user.is_authenticated:
        return render(
            request, "example_project/welcome.html", {"uses_sandbox": sandbox_control.is_used()}
        )
    return render(request, "example_project/page.html", cards(request.user))


@require_POST
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in as the demo user without a password: in front of the sandbox nothing is at stake."""
    if not (sandbox_control.is_used() and settings.DEBUG):
        raise Http404
    user = get_object_or_404(get_user_model(), username=USERNAME)
    login(request, user)
    if not trouble.usual_links(user):
        trouble.start_usual_code(user)
    return redirect("page")


@require_POST
@login_required
def press(request: HttpRequest, button: str) -> HttpResponse:
    """Do what a button says, for the signed-in user's links."""
    if button not in BUTTONS or not (sandbox_control.is_used() or button in HARMLESS):
        raise Http404
    if request.user.is_authenticated:
        BUTTONS[button](request.user)
    return redirect("page")
