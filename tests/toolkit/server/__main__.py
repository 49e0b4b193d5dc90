"""Make the tables and the two clients, tell the port, serve until the standard input ends."""

import sys
from threading import Thread

import django
from django.core.management import call_command
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application

from tests.toolkit.clients import CONFIDENTIAL, PUBLIC, REDIRECT_URI


def make_clients():
    # After django.setup().
    from oauth2_provider.generators import generate_client_secret  # noqa: PLC0415
    from oauth2_provider.models import Application  # noqa: PLC0415

    for client, kind in ((CONFIDENTIAL, "confidential"), (PUBLIC, "public")):
        Application.objects.create(
            name=kind,
            client_id=client["CLIENT_ID"],
            # By default the toolkit gives a public client one too, that it never sends.
            client_secret=client["CLIENT_SECRET"] or generate_client_secret(),
            client_type=kind,
            authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
            redirect_uris=REDIRECT_URI,
        )


def main():
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    make_clients()
    server = ThreadedWSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
    server.set_app(get_wsgi_application())
    print(server.server_port, flush=True)  # noqa: T201 - to the process that started this one
    Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


main()
