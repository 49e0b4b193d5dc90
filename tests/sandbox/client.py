"""An OAuth client without a library: each of its requests is what a test says it is."""

from urllib.parse import parse_qs, urlencode, urlsplit

import requests

REDIRECT_URI = "http://localhost/callback/"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636 appendix B
ACCOUNT = "{ account { id email name avatar organizations { id name } } }"
REFUSED = {"error": "invalid_grant", "error_description": "grant request is invalid"}


def without_none(fields):
    return {name: value for name, value in fields.items() if value is not None}


def query_of(address):
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


class Client:
    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.session = requests.Session()
        self.session.trust_env = False

    def url(self, **changes):
        """Return an authorization URL; None leaves a parameter out."""
        params = {
            "client_id": self.sandbox.options.client_id,
            "redirect_uri": REDIRECT_URI,
            "response_type": "code",
            "scope": "account:read posts:read posts:write offline_access",
            "state": "s" * 43,
            "prompt": "consent",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        query = urlencode(without_none(params | changes), doseq=True)
        return f"{self.sandbox.url}/auth?{query}"

    def get(self, url, **options):
        return self.session.get(url, allow_redirects=False, timeout=5, **options)

    def post(self, path, fields, **options):
        address = f"{self.sandbox.url}{path}"
        return self.session.post(
            address, data=without_none(fields), allow_redirects=False, timeout=5, **options
        )

    def control(self, action, **fields):
        return self.session.post(f"{self.sandbox.url}/sandbox/{action}", json=fields, timeout=5)

    def credentials(self):
        options = self.sandbox.options
        secret = None if options.public_client else options.client_secret
        return {"client_id": options.client_id, "client_secret": secret}

    def code(self, **changes):
        return query_of(self.sandbox.authorize(self.url(**changes)))["code"]

    def exchange(self, code, **changes):
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": VERIFIER,
        }
        return self.post("/token", self.credentials() | fields | changes)

    def refresh(self, token, *, headers=None, **changes):
        fields = {"grant_type": "refresh_token", "refresh_token": token}
        return self.post("/token", self.credentials() | fields | changes, headers=headers)

    def revoke(self, token):
        return self.post("/token/revocation", self.credentials() | {"token": token})

    def introspect(self, token):
        return self.post("/token/introspection", self.credentials() | {"token": token})

    def api(self, token, query=ACCOUNT, **variables):
        return self.session.post(
            self.sandbox.api_url,
            json={"query": query, "variables": variables},
            headers={"Authorization": f"Bearer {token}"},
            timeout=5,
        )
