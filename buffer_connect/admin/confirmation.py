"""The page that asks before an action goes out to Buffer."""

from dataclasses import dataclass
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from buffer_connect.admin.columns import breakable
from buffer_connect.models import BufferLink
from buffer_connect.wording import Words

TEMPLATE = "admin/buffer_connect/bufferlink/confirm.html"
# The field by which the page answers.
CONFIRMED = "confirmed"
SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked before the action named `action`."""

    action: str
    title: Words
    text: Words
    button: Words
    is_grave: bool = False


DISCONNECT = Question(
    action="disconnect",
    title=_("Disconnect Buffer links?"),
    text=_(
        "Their tokens and the accounts' names, e-mail addresses and organizations are wiped, and "
        "Buffer is asked to withdraw the permission, unless another link of the same account "
        "lives on it. Only the users themselves can connect again."
    ),
    button=_("Disconnect"),
    is_grave=True,
)
CHECK = Question(
    action="check_again",
    title=_("Check Buffer links again?"),
    text=_(
        "Buffer's API is asked whether it accepts them now. Where it does, or where a new access "
        "token is needed to find out, they are active again, and the site is told."
    ),
    button=_("Check again"),
)


def ask(
    modeladmin: Any,
    request: HttpRequest,
    question: Question,
    *,
    links: QuerySet[BufferLink],
    left_out: str,
) -> TemplateResponse:
    """Return the page that asks about `links`; `left_out` says which of the chosen it leaves out."""
    request.current_app = modeladmin.admin_site.name
    shown, count = list(links[:SHOWN]), links.count()
    context = {
        **modeladmin.admin_site.each_context(request),
        "title": question.title,
        "question": question,
        "links": [(breakable(link), breakable(link.user)) for link in shown],
        "count": count,
        "more": count - len(shown),
        "left_out": left_out,
        "select_across": request.POST.get("select_across") == "1",
        "chosen": request.POST.getlist(ACTION_CHECKBOX_NAME),
        "action_checkbox_name": ACTION_CHECKBOX_NAME,
        "confirmed": CONFIRMED,
        "opts": modeladmin.opts,
        "media": modeladmin.media,
    }
    return TemplateResponse(request, TEMPLATE, context)
