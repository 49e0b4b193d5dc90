"""Serve a local Buffer for development."""

from argparse import ArgumentParser
from errno import EADDRINUSE
from threading import Event
from typing import Any

from django.conf import settings  # noqa: TID251 — DEBUG is Django's own setting
from django.core.management.base import BaseCommand, CommandError

try:
    from buffer_connect.sandbox import Sandbox

    missing = None
except ModuleNotFoundError as error:
    missing = error.name

PORT = 8700
SECONDS = {
    "access-life": (int, "life of access tokens in seconds (default: 3600)"),
    "code-life": (float, "life of authorization codes in seconds (default: 30)"),
    "refresh-life": (float, "idle life of refresh tokens in seconds (default: 1209600, 14 days)"),
    "grant-life": (float, "life of a whole grant in seconds (default: 1209600, 14 days)"),
    "latency": (float, "seconds to wait before each token and API answer (default: 0)"),
}
# Options of the command line that are the sandbox's own, under the same name.
OPTIONS = (
    "access_life",
    "code_life",
    "refresh_life",
    "grant_life",
    "client_id",
    "client_secret",
    "public_client",
    "accounts",
    "shared_grants",
    "latency",
)
LINES = """Buffer sandbox at {url} (grants and buttons on this page)

BUFFER_CONNECT = {{
    "CLIENT_ID": {client_id!r},
    "CLIENT_SECRET": {client_secret!r},
    "ISSUER": {url!r},
    "API_URL": {api_url!r},
    # and your own ENCRYPTION_KEYS
}}

Plain http needs OAUTHLIB_INSECURE_TRANSPORT=1 in the site's environment.
Quit with Ctrl-C; all grants are forgotten then."""


class Command(BaseCommand):
    help = (
        "Serves a local Buffer for development: consent page, tokens, revocation, GraphQL API and "
        "faults on request. In memory, on this machine only, and only while DEBUG is on."
    )
    # Works before the site's own settings for Buffer do.
    requires_system_checks = ()
    wait = staticmethod(Event().wait)

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add(
            "--port",
            type=int,
            default=PORT,
            help="port to listen on; 0 takes a free one (default: %(default)s)",
        )
        add("--host", default="127.0.0.1", help="loopback address (default: %(default)s)")
        add("--client-id", metavar="ID", help="the one registered client")
        add("--client-secret", metavar="SECRET", help="its secret")
        add("--public-client", action="store_true", help="the client has no secret, may send none")
        add(
            "--redirect-uri",
            metavar="URI",
            action="append",
            dest="redirect_uris",
            help="registered redirect URI, repeatable (default: all of this machine)",
        )
        add("--accounts", type=int, metavar="N", help="accounts on the consent page (default: 3)")
        add("--shared-grants", action="store_true", help="one grant for each browser and account")
        add("--no-quotas", action="store_true", help="never answer 429 for too many API requests")
        for name, (kind, text) in SECONDS.items():
            add(f"--{name}", type=kind, metavar="SECONDS", help=text)

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError(
                "The sandbox hands out tokens to anybody and is for development only. Run it with "
                "settings that have DEBUG = True."
            )
        if missing:
            raise CommandError(
                f"The sandbox needs {missing}. Install it with "
                '`pip install "django-buffer-connect[sandbox]"`.'
            )
        try:
            buffer = self.sandbox(options).start()
        except (OSError, OverflowError, ValueError) as error:
            raise CommandError(f"The sandbox cannot start: {_why(error, options)}") from error
        self.stdout.write(self.lines(buffer))
        self.stdout.flush()
        try:
            self.wait()
        except KeyboardInterrupt:
            self.stdout.write("Sandbox stopped.")
        finally:
            buffer.stop()

    def sandbox(self, options: dict[str, Any]) -> "Sandbox":
        """Make the sandbox that the command line describes."""
        told = {name: options[name] for name in OPTIONS if options[name] is not None}
        if options["redirect_uris"]:
            told["redirect_uris"] = tuple(options["redirect_uris"])
        return Sandbox(
            options["port"],
            host=options["host"],
            log=self.stdout.write if options["verbosity"] > 1 else None,
            enforce_quotas=not options["no_quotas"],
            **told,
        )

    def lines(self, buffer: "Sandbox") -> str:
        """Return what the site's settings need, ready to paste."""
        known = buffer.options
        return LINES.format(
            url=buffer.url,
            api_url=buffer.api_url,
            client_id=known.client_id,
            client_secret=None if known.public_client else known.client_secret,
        )


def _why(error: Exception, options: dict[str, Any]) -> str:
    if getattr(error, "errno", None) != EADDRINUSE:
        return str(error)
    return (
        f"port {options['port']} is taken, perhaps by another sandbox. Name another one, such as "
        f"--port {PORT + 1}, or let --port 0 take a free one; ISSUER and API_URL have to name it too."
    )
