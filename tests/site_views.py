"""A site whose views need Buffer: the URLs of the tests of prompts."""

from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View

from buffer_connect.client import BufferClient
from buffer_connect.decorators import buffer_link_required
from buffer_connect.exceptions import BufferConnectError, NotLinked, TokenUnavailable
from buffer_connect.models import BufferLink

QUERY = "query { account { id } }"


def account_of(link):
    return HttpResponse(BufferClient(link).execute(QUERY)["account"]["id"])


@buffer_link_required("posts:read")
def decorated(request):
    return account_of(request.buffer_link)


@buffer_link_required("posts:write")
def writing(request):
    return HttpResponse("written")


@buffer_link_required("ideas:read")
def beyond_the_settings(request):
    return HttpResponse("never seen")


@buffer_link_required(link_kwarg="uid")
def of_one_link(request, uid):
    return HttpResponse(str(request.buffer_link.pk))


@buffer_link_required(link_kwarg="uid")
def of_no_argument(request):
    return HttpResponse("never seen")


@buffer_link_required("posts:read")
class Decorated(View):
    def get(self, request):
        return account_of(request.buffer_link)


@method_decorator(buffer_link_required("posts:read"), name="dispatch")
class ByMethodDecorator(View):
    def get(self, request):
        return account_of(request.buffer_link)


async def awaited_account_of(link):
    return HttpResponse((await BufferClient(link).aexecute(QUERY))["account"]["id"])


@buffer_link_required("posts:read")
async def awaited(request):
    return await awaited_account_of(request.buffer_link)


@buffer_link_required("posts:read")
class Awaited(View):
    async def get(self, request):
        return await awaited_account_of(request.buffer_link)


@method_decorator(buffer_link_required("posts:read"), name="dispatch")
class AwaitedByMethodDecorator(View):
    async def get(self, request):
        return await awaited_account_of(request.buffer_link)


class AwaitedMethod(View):
    @method_decorator(buffer_link_required("posts:read"))
    async def get(self, request):
        return await awaited_account_of(request.buffer_link)


@buffer_link_required(link_kwarg="uid")
async def awaited_of_one_link(request, uid):
    return HttpResponse(str(request.buffer_link.pk))


async def awaited_bare(request):
    client = await BufferClient.afor_user(await request.auser(), scopes=["posts:read"])
    return await awaited_account_of(client.link)


def bare(request):
    return account_of(BufferClient.for_user(request.user, scopes=["posts:read"]).link)


def any_users(request):
    return account_of(BufferLink.objects.get())


def in_template(request):
    client = BufferClient.for_user(request.user)
    return TemplateResponse(request, "site/account.html", {"account": client.get_access_token})


@buffer_link_required()
def unavailable(request):
    raise TokenUnavailable


@buffer_link_required()
def not_linked_inside(request):
    raise NotLinked(request.user)


@buffer_link_required()
def writes_and_fails(request):
    request.user.first_name = "Changed"
    request.user.save()
    raise NotLinked(request.user)


@buffer_link_required()
def handled_by_itself(request):
    try:
        return account_of(request.buffer_link)
    except BufferConnectError:
        return HttpResponse("handled")


urlpatterns = [
    path("buffer/", include("buffer_connect.urls")),
    path("decorated/", decorated),
    path("writing/", writing),
    path("beyond/", beyond_the_settings),
    path("links/<uuid:uid>/", of_one_link),
    path("names/<str:uid>/", of_one_link),
    path("no-argument/", of_no_argument),
    path("class/", Decorated.as_view()),
    path("method/", ByMethodDecorator.as_view()),
    path("awaited/", awaited),
    path("awaited-class/", Awaited.as_view()),
    path("awaited-by-method/", AwaitedByMethodDecorator.as_view()),
    path("awaited-method/", AwaitedMethod.as_view()),
    path("awaited-links/<uuid:uid>/", awaited_of_one_link),
    path("awaited-bare/", awaited_bare),
    path("bare/", bare),
    path("any/", any_users),
    path("template/", in_template),
    path("unavailable/", unavailable),
    path("not-linked-inside/", not_linked_inside),
    path("writes/", writes_and_fails),
    path("handled/", handled_by_itself),
]
