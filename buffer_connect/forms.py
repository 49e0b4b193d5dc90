"""What a page may ask of connect, where a finished connect may lead, and a pasted API key."""

from io import BytesIO

from django import forms
from django.http import HttpRequest, QueryDict
from django.utils.encoding import iri_to_uri
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from buffer_connect.conf import conf
from buffer_connect.models import BufferLink
from buffer_connect.oauth.token import is_token
from buffer_connect.sealing import Secret

LONGEST_NEXT = 2000
LONGEST_KEY = 4096


def allowed_next(request: HttpRequest, url: str) -> str:
    """Return `url` if a finished connect may lead there, else an empty string.

    That is a path of this site, or an address of the host that `request` came to.
    """
    # Before any parsing, for that takes time; once more for what was spelled out.
    if not 0 < len(url) <= LONGEST_NEXT or not url.isprintable():
        return ""
    if len(iri_to_uri(url)) > LONGEST_NEXT:
        return ""
    hosts, secure = {request.get_host()}, request.is_secure()
    return url if url_has_allowed_host_and_scheme(url, hosts, require_https=secure) else ""


class ConnectForm(forms.Form):
    """`next`, `scope` (repeatable) and `link` (the uid of a link of the user's own)."""

    # No CharField: an address that may not be followed is passed over, not an error.
    next = forms.Field(required=False)
    scope = forms.MultipleChoiceField(required=False)
    link = forms.ModelChoiceField(
        BufferLink.objects.none(), required=False, to_field_name="uid", blank=True
    )

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(_given(request))
        self.request = request
        self.fields["scope"].choices = [(scope, scope) for scope in conf.scopes]  # type: ignore[attr-defined]
        links = BufferLink.objects.using(BufferLink.written_on())
        self.fields["link"].queryset = links.for_user(request.user)  # type: ignore[attr-defined]

    def clean_next(self) -> str:
        return allowed_next(self.request, self.cleaned_data["next"] or "")

    @property
    def names_foreign_link(self) -> bool:
        """Whether `link` is none of the user's."""
        return "link" in self.errors


class APIKeyForm(forms.Form):
    """An API key of Buffer's, which no page, error report or later middleware gets to see.

    The key leaves `request` with the making of the form, its `body` as well as its `POST`. It
    leaves the form with the cleaning, but for a `Secret` in the cleaned data.
    `next_url` is where a stored key leads, or empty.
    """

    # A password is not shown again, whatever came of it.
    key = forms.CharField(
        label=_("API key"),
        help_text=_("You make one at Buffer, under Settings → API."),
        max_length=LONGEST_KEY,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.POST if request.method == "POST" else None)
        given = request.POST.get("next") or request.GET.get("next", "")
        self.next_url = allowed_next(request, given)
        request.POST = QueryDict()
        # Django keeps what it has parsed, for whoever asks for the body or reads on.
        vars(request).update(_body=b"", _stream=BytesIO())

    @sensitive_variables()
    def full_clean(self) -> None:
        super().full_clean()
        # A widget is given it to be drawn, and error reports show the arguments of what fails.
        self.data = QueryDict()

    def clean_key(self) -> Secret:
        if not is_token(self.cleaned_data["key"]):
            raise forms.ValidationError(
                _("This is no API key: it has blanks or letters in it that no key has.")
            )
        return Secret(self.cleaned_data["key"])


def _given(request: HttpRequest) -> QueryDict:
    """A form's fields before the parameters in its action."""
    given = request.GET.copy()
    for name, values in request.POST.lists():
        given.setlist(name, values)
    return given
