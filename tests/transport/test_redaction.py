import logging

import pytest

from buffer_connect.transport.redaction import LOGGERS


@pytest.mark.parametrize("name", LOGGERS)
def test_what_is_logged_keeps_its_text_and_numbers(caplog, name):
    caplog.set_level(logging.DEBUG)
    logging.getLogger(name).debug("Invoking %d hooks with %s.", 2, "a secret")
    assert caplog.messages == ["Invoking 2 hooks with [redacted]."]


@pytest.mark.parametrize("name", LOGGERS)
def test_a_dict_that_logging_unpacks_is_redacted(caplog, name):
    caplog.set_level(logging.DEBUG)
    logging.getLogger(name).debug("Adding token %s.", {"access_token": "a secret"})
    assert caplog.messages == ["Adding token [redacted]."]


@pytest.mark.parametrize("name", LOGGERS)
def test_a_text_without_arguments_is_kept(caplog, name):
    caplog.set_level(logging.DEBUG)
    logging.getLogger(name).debug("100 % plain")
    assert caplog.messages == ["100 % plain"]
