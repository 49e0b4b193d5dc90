"""The site's staff: their browsers, and the admin's pages."""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

LIST = "/admin/buffer_connect/bufferlink/"


def staff_browser(*permissions, name="root", is_superuser=False, **client):
    """A browser, signed in as new staff with `permissions`, by codename."""
    users = get_user_model().objects
    user = users.create_user(name, is_staff=True, is_superuser=is_superuser)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Client(**client)
    browser.force_login(user)
    return browser


def detail(link):
    return reverse("admin:buffer_connect_bufferlink_change", args=[link.pk])


def delete_page(link):
    return reverse("admin:buffer_connect_bufferlink_delete", args=[link.pk])


def delete_user_page(user):
    label = f"{user._meta.app_label}_{user._meta.model_name}"
    return reverse(f"admin:{label}_delete", args=[user.pk])


def choose(client, action, *links, query="", **fields):
    """Choose `action` for `links` in the list."""
    chosen = {"action": action, "_selected_action": [link.pk for link in links], **fields}
    return client.post(LIST + query, chosen)


def confirm(client, action, *links, query="", **fields):
    """Answer the page that asks."""
    return choose(client, action, *links, query=query, confirmed="yes", **fields)


def messages_of(response):
    return [str(message) for message in get_messages(response.wsgi_request)]
