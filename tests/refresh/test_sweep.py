from buffer_connect import flows
from tests.links import age, held, link_to, make_due, tokens_of


def test_a_due_link_is_refreshed(sandbox, user):
    link = link_to(sandbox, user)
    make_due(link)
    assert flows.sweep() == 1
    assert held(link).generation == 2
    assert sandbox.is_current(tokens_of(link)[1])


def test_a_link_that_is_not_due_is_left_alone(sandbox, user):
    link = link_to(sandbox, user)
    assert flows.sweep() == 0
    assert held(link).generation == 1


def test_a_lost_answer_is_not_sent_again_while_the_access_token_lives(sandbox, user):
    link = link_to(sandbox, user)
    make_due(link)
    sandbox.fail_next("lose_answer")
    flows.sweep()
    age(link, minutes=20)
    assert flows.sweep() == 0
    assert held(link).in_doubt


def test_a_request_that_surely_did_no_harm_is_sent_again(sandbox, user):
    link = link_to(sandbox, user)
    make_due(link)
    sandbox.fail_next("rate_limit", retry_after=30)
    flows.sweep()
    assert not held(link).in_doubt
    age(link, minutes=1)
    flows.sweep()
    assert held(link).generation == 2
