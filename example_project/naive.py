"""Usual code: what a site without this package writes to keep a user's Buffer tokens fresh."""

from datetime import timedelta

import requests
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from example_project.models import UsualLink


def access_token(pk: int) -> str:
    link = UsualLink.objects.get(pk=pk)
    if link.expires_at <= timezone.now():
        refresh(link)
    return link.access_token


def access_token_with_row_lock(pk: int) -> str:
    with transaction.atomic():
        link = UsualLink.objects.select_for_update().get(pk=pk)
        if link.expires_at <= timezone.now():
            refresh(link)
    return link.access_token


def refresh(link: UsualLink) -> None:
    buffer = settings.BUFFER_CONNECT
    response = requests.post(
        f"{buffer['ISSUER']}/token",
        data={
            "grant_type": "refresh_token",
            "refresh_token": link.refresh_token,
            "client_id": buffer["CLIENT_ID"],
            "client_secret": buffer["CLIENT_SECRET"],
        },
        timeout=10,
    )
    response.raise_for_status()
    tokens = response.json()
    link.access_token = tokens["access_token"]
    link.refresh_token = tokens["refresh_token"]
    link.expires_at = timezone.now() + timedelta(seconds=tokens["expires_in"])
    link.save()
