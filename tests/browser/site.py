"""The site of the browser's tests: pages that need Buffer."""

from django.contrib import admin
from django.http import HttpResponse
from django.template import engines
from django.urls import include, path

from buffer_connect import prompts
from buffer_connect.client import BufferClient
from buffer_connect.decorators import buffer_link_required
from buffer_connect.exceptions import NotLinked
from tests.site_views import QUERY

PAGE = """{% extends "buffer_connect/base.html" %}
{% load buffer_connect %}
{% block content %}
<h1>{{ title }}</h1>
{% buffer_connect_banner %}
{% if with_accounts %}{% buffer_connect_accounts %}{% endif %}
{% if detail %}{% include "buffer_connect/prompt.html" %}{% endif %}
{% buffer_connect_button "posts:write" %}
{% endblock content %}
"""


def page(request, title, **facts):
    template = engines["django"].from_string(PAGE)
    return HttpResponse(template.render({"title": title, **facts}, request))


@buffer_link_required("posts:read")
def posts(request):
    name = BufferClient(request.buffer_link).execute(QUERY)["account"]["id"]
    return page(request, f"Posts of {name}")


@buffer_link_required("posts:write")
def writing(request):
    return page(request, "A new post")


def home(request):
    return page(request, "Home")


def prompted(request):
    """A page into which HTMX has put a prompt."""
    answer = prompts.Cure.of(NotLinked(request.user), []).address("")
    return page(request, "Home", detail="Connect first.", address=answer)


def accounts(request):
    return page(request, "Settings", with_accounts=True)


def no_icon(request):
    """Spare browsers an error in their console."""
    return HttpResponse(status=204)


urlpatterns = [
    path("favicon.ico", no_icon),
    path("admin/", admin.site.urls),
    path("buffer/", include("buffer_connect.urls")),
    path("posts/", posts),
    path("writing/", writing),
    path("home/", home),
    path("prompted/", prompted),
    path("accounts/", accounts),
]
