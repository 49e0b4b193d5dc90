"""What may become of a request that is under way, and of who waits for its answer."""

from tests.model.row import NOBODY
from tests.model.world import GIVEN, Answer, Stage


def arrives(protocol, state, request):
    """The server uses the token; or refuses it, for it was used before or the grant has ended."""
    if request.held.epoch != state.row.epoch:
        # Of an earlier grant, of which nothing more is told.
        yield from _answered(state, request, [*GIVEN, Answer.REFUSED, Answer.ERROR])
        return
    server = state.server.use(request.held)
    given = [*GIVEN, Answer.ERROR] if state.server.is_good(request.held) else [Answer.REFUSED]
    yield from _answered(state._replace(server=server), request, [*given, Answer.UNKNOWN])


def is_not_used(protocol, state, request):
    """The server answers without a look at the token, or the request is lost on its way."""
    if request.sender != NOBODY:
        answers = [Answer.UNUSED, Answer.ERROR, Answer.UNKNOWN]
        yield from _answered(state, request, answers)


def is_not_waited_for(protocol, state, request):
    """A gateway answers, time is up or the connection breaks; the request is on its way still."""
    if request.sender != NOBODY:
        me, on_its_way = request.sender, request._replace(sender=NOBODY)
        unknown = state.workers[me]._replace(stage=Stage.ANSWERED, answer=Answer.UNKNOWN)
        yield state.having(me, unknown, wire=(*_without(state.wire, request), on_its_way))


def _answered(state, request, answers):
    state = state._replace(wire=_without(state.wire, request))
    if request.sender == NOBODY:
        yield state
        return
    waiting = state.workers[request.sender]
    for answer in answers:
        answered = waiting._replace(stage=Stage.ANSWERED, answer=answer)
        yield state.having(request.sender, answered)


def _without(wire, request):
    place = wire.index(request)
    return (*wire[:place], *wire[place + 1 :])


WIRE = {"arrives": arrives, "is not used": is_not_used, "is not waited for": is_not_waited_for}
