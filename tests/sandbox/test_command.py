"""The command `buffer_sandbox`."""

from io import StringIO

import pytest
import requests
from django.core.management import CommandError, call_command

from buffer_connect.management.commands.buffer_sandbox import Command
from buffer_connect.sandbox import Sandbox


class Once(Command):
    """Asks the running sandbox once instead of waiting for Ctrl-C."""

    def wait(self):
        address = self.stdout.getvalue().split()[3]
        document = requests.get(f"{address}/.well-known/openid-configuration", timeout=5)
        self.stdout.write(f"answered: {document.json()['token_endpoint_auth_methods_supported']}")


def run(*arguments):
    output = StringIO()
    call_command(Once(), "--port", "0", *arguments, stdout=output)
    return output.getvalue()


@pytest.fixture
def debug(settings):
    settings.DEBUG = True


def test_it_asks_for_debug():
    with pytest.raises(CommandError, match="DEBUG = True"):
        run()


def test_it_serves_and_prints_the_settings(debug):
    output = run()
    assert "\"CLIENT_ID\": 'sandbox-client'" in output
    assert '"ISSUER": \'http://127.0.0.1:' in output
    assert "/api'" in output
    assert "answered: ['client_secret_post']" in output


def test_a_public_client_has_no_secret_to_paste(debug):
    output = run("--public-client")
    assert '"CLIENT_SECRET": None' in output
    assert "answered: ['none']" in output


def test_its_options_reach_the_sandbox(debug):
    command = Command(stdout=StringIO())
    arguments = ["--port", "1", "--access-life", "60", "--redirect-uri", "https://site.example/cb"]
    parsed = command.create_parser("manage.py", "buffer_sandbox").parse_args(arguments)
    options = command.sandbox(vars(parsed)).options
    assert (options.access_life, options.enforce_quotas) == (60, True)
    assert options.redirect_uris == ("https://site.example/cb",)


def test_it_says_why_it_cannot_start(debug):
    with pytest.raises(CommandError, match=r"cannot start: .*127\.0\.0\.1 only"):
        run("--host", "0.0.0.0")


def test_a_port_in_use_is_told(debug):
    with Sandbox() as taken, pytest.raises(CommandError, match=r"is taken.*--port 0 take"):
        run("--port", taken.url.rpartition(":")[2])


def test_a_port_that_is_none_is_told(debug):
    with pytest.raises(CommandError, match="0-65535"):
        run("--port", "99999")


def test_ctrl_c_ends_it_without_a_traceback(debug):
    class Interrupted(Command):
        def wait(self):
            raise KeyboardInterrupt

    output = StringIO()
    call_command(Interrupted(), "--port", "0", stdout=output)
    assert "Sandbox stopped." in output.getvalue()
