"""Buffer's GraphQL API: requests and what the answers mean; no Django, no network, no clock."""

from buffer_connect.graphql.account import ACCOUNT_QUERY, Account, is_account_id, read_account
from buffer_connect.graphql.answer import (
    Answer,
    judge_api_response,
    raise_for_errors,
    raise_for_mutation_errors,
)
from buffer_connect.graphql.page import Page, Pages, read_page
from buffer_connect.graphql.rate_limits import RateLimit, read_rate_limits
from buffer_connect.graphql.request import declares, is_mutation, payload

__all__ = [
    "ACCOUNT_QUERY",
    "Account",
    "Answer",
    "Page",
    "Pages",
    "RateLimit",
    "declares",
    "is_account_id",
    "is_mutation",
    "judge_api_response",
    "payload",
    "raise_for_errors",
    "raise_for_mutation_errors",
    "read_account",
    "read_page",
    "read_rate_limits",
]
