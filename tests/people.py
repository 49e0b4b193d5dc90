"""The person of the tests: begins at the site, decides at Buffer, comes back."""

from urllib.parse import parse_qs, urlencode, urlsplit

from django.test import Client
from django.urls import reverse

LINKS = "/buffer/"
CONNECT = "/buffer/connect/"
API_KEY = "/buffer/api-key/"
CALLBACK = "/buffer/callback/"


class Person:
    """One browser, signed in as `user`."""

    def __init__(self, sandbox, user=None, **client):
        self.sandbox = sandbox
        self.client = Client(**client)
        if user:
            self.client.force_login(user)

    def begin(self, **fields):
        """Press the button; return the authorization URL."""
        response = self.client.post(CONNECT, fields)
        assert response.status_code == 302, response.content
        return response["Location"]

    def decide(self, address, **decision):
        """Decide at Buffer; return the query of the way back."""
        back = self.sandbox.authorize(address, **decision)
        return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}

    def come_back(self, query, **request):
        """Follow the redirect to the callback, with `query` as a dict or a string."""
        query = query if isinstance(query, str) else urlencode(query)
        return self.client.get(f"{CALLBACK}?{query}", **request)

    def connect(self, *, fields=None, **decision):
        return self.come_back(self.decide(self.begin(**(fields or {})), **decision))

    def paste(self, key, **request):
        """Send the form for an API key."""
        return self.client.post(API_KEY, {"key": key}, **request)

    def links_page(self):
        return self.client.get(reverse("buffer_connect:links")).content.decode()
