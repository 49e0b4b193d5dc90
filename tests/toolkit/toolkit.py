"""The server as the tests see it: its process, its pages, its grant table."""

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from html import unescape

import requests

from tests.processes import ROOT

INPUT = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)"')
REVOKE = re.compile(r'href="([^"]*/delete/)"')
PATIENCE = 30


class Toolkit:
    """A running authorization server; `stop` ends it. Each account is made at its first use."""

    def __init__(self, folder):
        self.log = folder / "server.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.toolkit.server"],
                # It serves while this is open: nothing outlives the tests, however they end.
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env={
                    **os.environ,
                    "DJANGO_SETTINGS_MODULE": "tests.toolkit.server.settings",
                    "TOOLKIT_FOLDER": str(folder),
                },
            )
        port = self._process.stdout.readline().decode().strip()
        assert port, self.log.read_text()
        self.url = f"http://127.0.0.1:{port}"
        self._session = requests.Session()

    def stop(self):
        self._session.close()
        self._process.communicate(timeout=PATIENCE)

    @property
    def settings(self):
        """The keys of BUFFER_CONNECT that point at it."""
        paths = {
            "authorization": "/o/authorize/",
            "token": "/o/token/",
            "revocation": "/o/revoke_token/",
            "introspection": "/o/introspect/",
        }
        return {
            "ISSUER": f"{self.url}/o",
            "ENDPOINTS": {name: self.url + path for name, path in paths.items()},
            "API_URL": f"{self.url}/api",
        }

    def reset(self):
        """Forget all accounts, grants, records and changes."""
        self._post("/control/reset/")

    def change(self, **keys):
        """Change keys of OAUTH2_PROVIDER."""
        self._post("/control/change/", json=keys)

    def authorize(self, address, *, account="account-1", allow=True, scope=None):
        """Decide at the page as `account`; return the address that the browser is sent back to."""
        with self._browser(account) as browser:
            fields = _hidden(browser.get(address, timeout=PATIENCE))
            fields |= {"scope": scope} if scope else {}
            fields |= {"allow": "Authorize"} if allow else {}
            return _sent_to(browser.post(address, fields, allow_redirects=False, timeout=PATIENCE))

    def disallow(self, *, account="account-1"):
        """As `account`, take all that was allowed back on the page of its tokens."""
        with self._browser(account) as browser:
            page = browser.get(f"{self.url}/o/authorized_tokens/", timeout=PATIENCE)
            for path in REVOKE.findall(page.text):
                question = browser.get(self.url + path, timeout=PATIENCE)
                _sent_to(
                    browser.post(
                        self.url + path, _hidden(question), allow_redirects=False, timeout=PATIENCE
                    )
                )

    def ask_for_token(self, **form):
        """Post to the token endpoint, as somebody else than the package."""
        return self._session.post(f"{self.url}/o/token/", form, timeout=PATIENCE)

    def accepts(self, access_token):
        """Whether the API takes `access_token`."""
        headers = {"Authorization": f"Bearer {access_token}"}
        answer = self._session.post(f"{self.url}/api", headers=headers, timeout=PATIENCE)
        return answer.status_code == 200

    def is_current(self, refresh_token):
        """Whether `refresh_token` could be used now."""
        checksum = hashlib.sha256(refresh_token.encode()).hexdigest()
        return any(
            token["token_checksum"] == checksum and _lives(token)
            for token in self._state()["refresh_tokens"]
        )

    @property
    def requests(self):
        """The token requests so far."""
        return self._state()["requests"]

    @property
    def grants(self):
        """How many grants there are by (refresh tokens ever issued, living ones)."""
        families = defaultdict(list)
        for token in self._state()["refresh_tokens"]:
            families[token["token_family"]].append(_lives(token))
        return Counter((len(lives), sum(lives)) for lives in families.values())

    def _state(self):
        return self._session.get(f"{self.url}/control/", timeout=PATIENCE).json()

    def _post(self, path, **content):
        self._session.post(self.url + path, timeout=PATIENCE, **content).raise_for_status()

    def _browser(self, account):
        browser = requests.Session()
        browser.headers["X-Account"] = account
        return browser


def _lives(token):
    return token["revoked"] is None and token["access_token"] is not None


def _hidden(page):
    """Return the hidden fields of the page's form."""
    page.raise_for_status()
    return {name: unescape(value) for name, value in INPUT.findall(page.text)}


def _sent_to(response):
    assert response.status_code == 302, response.text
    return response.headers["Location"]
