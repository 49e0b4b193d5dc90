"""The rules of the game: what workers, users, Buffer and time may do, in any order."""

from datetime import timedelta
from enum import Enum, auto

from django.conf import settings as site
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import F
from django.test import override_settings
from django.utils import timezone
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from hypothesis.strategies import booleans, integers, runner, sampled_from

from buffer_connect.conf import conf
from buffer_connect.flows import call, disconnect, reseal, revocation
from buffer_connect.flows.refresh import brake, endings, held_back, is_good
from buffer_connect.models import BufferLink, LinkEvent, PendingRevocation, statements
from buffer_connect.models.link import account_key
from tests import links
from tests.keys import NEW, OLD, hold
from tests.refresh.protocol.buffer import ACCOUNT, Buffer, Reply
from tests.refresh.protocol.ears import Ears
from tests.refresh.protocol.judge import Judge
from tests.refresh.protocol.worker import Stage, Worker, due

# Time passes in steps of so many seconds: no limit of the protocol lies near a multiple of it, so
# that the milliseconds which the machine takes never decide a race.
STEP = 70
LINKS = reseal.KINDS[0]
OFTEN_PROCESSED = (Reply.PROCESSED,) * 10 + tuple(Reply)


class Wait(Enum):
    """How long nothing happens: so many seconds, or until the end of the first link's token."""

    NOT = 0
    PAST_FORCED = STEP
    PAST_LEASE = 3 * STEP
    PAST_QUARANTINE = 9 * STEP
    PAST_MEMORY = 2600 * STEP
    NEAR_END = auto()
    PAST_END = auto()

    def seconds(self, left):
        """Return it in seconds, when a token has `left` seconds to live."""
        match self:
            case Wait.NEAR_END:
                return max(0, int(left / STEP - 2) * STEP)
            case Wait.PAST_END:
                return max(0, int(left / STEP + 1) * STEP)
        return self.value


@transaction.atomic
def brake_on():
    brake.holds_one_more()
    brake.put_on()


def one_of_its(name):
    """A strategy: one of what the game at play has under `name`."""
    return runner().flatmap(lambda game: sampled_from(getattr(game, name)))


class Game(RuleBasedStateMachine):
    """Two workers, one link, and time: nothing goes wrong but that a worker is slow."""

    worker_class = Worker
    replies = (Reply.PROCESSED,)
    waits = (Wait.NOT, *(wait for wait in Wait if wait is not Wait.PAST_MEMORY))
    # How far a worker goes before something else happens.
    stages = tuple(stage for stage in Stage if stage is not Stage.IDLE)
    # Whose refresh is wanted; None: what is due, as a sweep finds it.
    wanted = (0,)
    # Whose links they are.
    people = (0,)

    def __init__(self):
        super().__init__()
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()
        self.ears = Ears().__enter__()
        self.buffer = Buffer()
        self.judge = Judge(self.buffer, self.ears)
        self.workers = [self.worker_class(self.buffer, self.judge) for _ in range(2)]
        self.links = [_new_link(name) for name in ("member", "visitor")]

    def teardown(self):
        try:
            self.judge.read()
        finally:
            self.ears.__exit__()
            transaction.set_rollback(True)
            self.savepoint.__exit__(None, None, None)

    @initialize()
    def begin(self):
        self.connect(self.links[0])

    @rule(
        wait=one_of_its("waits"),
        number=integers(0, 1),
        stage=one_of_its("stages"),
        wanted=one_of_its("wanted"),
        reply=one_of_its("replies"),
    )
    def work(self, wait, number, stage, wanted, reply):
        self.pass_time(wait)
        self.go_on(number, stage, wanted=wanted, reply=reply)

    def go_on(self, number, stage, *, wanted, reply):
        worker = self.workers[number]
        ids = self.ids(wanted) if worker.stage is Stage.IDLE else []
        worker.work(stage, ids=ids, reply=reply)

    def ids(self, wanted):
        if wanted is None:
            return due()
        statements.schedule(pk=self.links[wanted].pk)
        return [self.links[wanted].pk]

    def pass_time(self, wait):
        left = links.held(self.links[0]).life_left if wait is not Wait.NOT else timedelta()
        seconds = wait.seconds(left.total_seconds())
        if not seconds:
            return
        passed = timedelta(seconds=seconds)
        BufferLink.objects.update(**{name: F(name) - passed for name in links.TIMES})
        LinkEvent.objects.update(created_at=F("created_at") - passed)
        self.buffer.clock.advance(seconds)
        for worker in self.workers:
            worker.pass_time(seconds)

    @invariant()
    def no_secret_shows(self):
        self.judge.listen(self.workers)

    def connect(self, link, *, shared=True, offline=True):
        issued = self.buffer.authorize(shared=shared, offline=offline)
        tokens = {"access_token": issued.access_token, "refresh_token": issued.refresh_token}
        links.store(link, tokens, issued)
        self.judge.look()


class Accidents:
    """Workers die, and requests that nobody waits for arrive."""

    @rule(number=integers(0, 1))
    def kill(self, number):
        self.workers[number].die()

    @precondition(lambda self: self.buffer.strays)
    @rule()
    def a_stray_arrives(self):
        self.buffer.use(self.buffer.strays.pop(0))
        self.judge.look()


class Callers:
    """The API answers 401, rightly or wrongly, and the caller hears of it at once or later."""

    refused = None

    @rule(number=one_of_its("people"), wrongly=booleans())
    def call_api(self, number, wrongly):
        if self.refused:
            call._reject(self.refused, by_http=True)
            self.refused = None
            self.judge.look()
        elif self.links[number].pk in self.judge.seen:
            self.refused = self.refused_by_api(links.held(self.links[number]), wrongly)

    def refused_by_api(self, link, wrongly):
        if not is_good(link):
            return None
        account = self.buffer.table.bearer(link.open_access_token().reveal())
        return link if wrongly or account is None else None


class People:
    """Users connect again, and grants end at Buffer."""

    @rule(number=one_of_its("people"), shared=booleans(), choice=integers(0, 4))
    def connects(self, number, shared, choice):
        self.connect(self.links[number], shared=shared, offline=choice > 0)

    @rule(number=one_of_its("people"), replayed=booleans())
    def ends_at_buffer(self, number, replayed):
        self.end_at_buffer(number, replayed=replayed)

    def end_at_buffer(self, number, *, replayed):
        """The user revokes the grant, or somebody else uses an old token."""
        if held := self.judge.held(self.links[number].pk):
            end = self.buffer.table.replay if replayed else self.buffer.table.revoke
            end(self.buffer.table.grant_id_of(held))


class Leavers:
    """Links end here: by their users, who have Buffer told, or because they have lapsed."""

    @rule(number=one_of_its("people"), choice=integers(0, 2))
    def disconnects(self, number, choice):
        match choice:
            case 0:
                disconnect._ended(self.links[number])
            case 1:
                endings.lapse_all()
            case _:
                self.tell_buffer()
        self.judge.look()

    def tell_buffer(self):
        """The oldest of the outbox is sent."""
        if row := PendingRevocation.objects.order_by("pk").first():
            if not self.is_needless(row):
                self.buffer.revoke(row.open_token().reveal())
            row.drop()
            self.judge.revokes()

    def is_needless(self, row):
        return revocation._is_needless(row)


class Operators:
    """The brake goes on, as after many refusals, and somebody decides."""

    @rule(number=one_of_its("people"), decision=sampled_from((held_back.resume, held_back.retry)))
    def refuses_many(self, number, decision):
        """Buffer has ended a grant whose refresh token is out."""
        self.go_on(0, Stage.CLEARED, wanted=number, reply=Reply.PROCESSED)
        self.end_at_buffer(number, replayed=False)
        self.decide(brake_on)
        self.go_on(0, Stage.DONE, wanted=number, reply=Reply.PROCESSED)
        self.decide(decision)

    def decide(self, decision):
        if BufferLink.objects.held_back().exists():
            self.judge.reached.add(decision.__name__)
        decision()
        self.judge.brake(on=decision is brake_on)
        self.judge.look()


class WholeGame(Accidents, Callers, People, Leavers, Game):
    """Everything, with two links of one account, on one grant or on two."""

    replies = OFTEN_PROCESSED
    wanted = (0, 0, 0, 1, 1, None)
    people = (0, 1)
    waits = (Wait.NOT, Wait.NOT, *Wait)

    @rule(wait=one_of_its("waits"))
    def pause(self, wait):
        self.pass_time(wait)

    # Each game leaves out some of its rules; these leave enough of those that go on.

    @rule(number=integers(0, 1), wanted=one_of_its("wanted"), reply=one_of_its("replies"))
    def finish(self, number, wanted, reply):
        self.go_on(number, Stage.DONE, wanted=wanted, reply=reply)

    @rule(number=integers(0, 1), wanted=one_of_its("wanted"), reply=one_of_its("replies"))
    def stop_short(self, number, wanted, reply):
        self.go_on(number, Stage.ANSWERED, wanted=wanted, reply=reply)


class Rotations:
    """Keys change places, and what one of them has sealed is sealed anew: read now, written later."""

    def __init__(self):
        self.site = override_settings()
        self.site.enable()
        hold(site, OLD, NEW)
        self.read = None
        super().__init__()

    def teardown(self):
        try:
            super().teardown()
        finally:
            self.site.disable()

    @rule(number=one_of_its("people"), swapped=booleans())
    def rotates(self, number, swapped):
        if swapped:
            hold(site, *reversed(site.BUFFER_CONNECT["ENCRYPTION_KEYS"]))
        if self.read:
            self.write(**self.read)
            self.read = None
            self.judge.look()
        elif link := LINKS.others(conf.keyring.kid).filter(pk=self.links[number].pk).first():
            self.read = LINKS.anew(link, conf.keyring)

    def write(self, **values):
        self.judge.reached.add("sealed anew" if statements.reseal_link(**values) else "overtaken")


def _new_link(name):
    return BufferLink.objects.create(
        user=get_user_model().objects.create_user(name, f"{name}@example.com", None),
        account_key=account_key(ACCOUNT),
        status=BufferLink.Status.DISCONNECTED,
        expires_at=timezone.now(),
    )
