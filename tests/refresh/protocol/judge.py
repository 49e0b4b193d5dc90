"""The invariants of the refresh protocol, I1 to I6, held against the database and the server."""

from typing import NamedTuple
from uuid import UUID

from buffer_connect.conf import conf
from buffer_connect.models import BufferLink, LinkEvent, PendingRevocation
from buffer_connect.models.statements.statement import Statement

Reason, Status = BufferLink.Reason, BufferLink.Status
# The history remembers for so long that a generation went out twice, in seconds.
REMEMBERED = 2 * 86_400
# The judge looks often, and the ORM takes its time.
_LOOK = Statement("SELECT id, epoch, generation, status, reason, refresh_token FROM {link}")


class Row(NamedTuple):
    """A link as the judge sees it."""

    pk: int
    epoch: object
    generation: int
    status: str
    reason: str
    refresh_token: bytes | None
    # The last refresh token that was held in this epoch.
    held: str | None = None

    def __str__(self):
        return f"link {self.pk} ({self.status} {self.reason} {self.generation})"


class Judge:
    """Sees every send, every answer that arrives, and the rows after every piece of work."""

    def __init__(self, buffer, ears):
        self.buffer, self.ears = buffer, ears
        self.requests = []
        # By link: how it stood.
        self.seen = {}
        # What a sibling forbids to send again.
        self.forbidden = set()
        # By link: since when, by Buffer's clock, it is in its present epoch.
        self.connected_at = {}
        # Sealed tokens that were opened before.
        self.opened = {}
        self.reached = set()
        # While the brake is on: how many refusals had ended a link before.
        self.refusals_before = None

    def may_give_up(self, attempt):
        siblings = BufferLink.objects.active().siblings(attempt.link)
        if attempt.is_resend and siblings.exists():
            self.forbidden.add(tuple(attempt.held.values()))
            self.reached.add("given up")

    def leaves(self, attempt):
        """T8: nobody has connected the account when a generation goes out again."""
        if not attempt.is_resend:
            return
        rows = BufferLink.objects.active()
        alone = rows.filter(**attempt.held).exists() and not rows.siblings(attempt.link).exists()
        assert alone, "T8: a token goes out again where another link may live on its grant"

    def sends(self, request):
        """I1: while its access token lives, a generation is sent once."""
        before = [r for r in self.requests if r.key == request.key and not r.closed]
        lives = request.attempt.until_expiry > 1
        assert not (before and lives), f"I1: {request} goes out again while its token lives"
        self.requests.append(request)
        self.reached.add("sent again" if before else "sent")

    def delivered(self, request):
        """I2: a token set that arrived is kept, and was not killed by a second send of ours."""
        refresh_token = request.outcome.tokens.refresh_token.reveal()
        self.reached.add(self._kept(request, refresh_token))
        killer = self.buffer.killer_of(refresh_token)
        in_time = self.buffer.clock.now() - request.intended_at < conf.timing.quarantine
        assert not (in_time and killer and killer.is_after(request)), (
            f"I2: {killer} was sent again while an answer was on its way"
        )

    def _kept(self, request, refresh_token):
        pk, epoch, generation = request.key
        row = BufferLink.objects.as_held().filter(pk=pk).first()
        if row is None or row.status == Status.DISCONNECTED:
            assert refresh_token in _outbox(), f"I2: nobody will revoke what {request} gave"
            return "to the outbox"
        if row.epoch != epoch:
            return "discarded"
        assert row.is_active, f"I2: {row} has the answer to {request}, and is not active"
        assert row.generation == generation + 1, f"I2: {row} did not keep {request}"
        assert self._open(pk, row.refresh_token) == refresh_token, (
            f"I2: {row} holds another than {request}"
        )
        return "recovered" if self.seen[pk].status == Status.REVOKED else "stored"

    def held(self, pk):
        """Return the refresh token that a link held last, in its present epoch."""
        return self.seen[pk].held if pk in self.seen else None

    def brake(self, *, on):
        """Learn whether the brake is on from now on."""
        self.refusals_before = _refusals() if on else None

    def look(self):
        """I3, I4 and I5, for every link; and that no refusal ends one while the brake is on."""
        if self.refusals_before is not None:
            assert _refusals() == self.refusals_before, "T7b: a refusal ended a link"
        for values in _LOOK.rows():
            row = Row(*values)
            # A database without the type gives its hexadecimal digits.
            row = row._replace(epoch=UUID(str(row.epoch)))
            before = self.seen.get(row.pk)
            if before and before.epoch != row.epoch:
                before = None
            if before is None:
                self.connected_at[row.pk] = self.buffer.clock.now()
            self._look_at(row, before)

    def _look_at(self, row, before):
        token = self._open(row.pk, row.refresh_token) or (before and before.held)
        self.seen[row.pk] = row._replace(held=token)
        if before:
            assert row.generation >= before.generation, f"I4: {row} went back"
            same = row.generation > before.generation or token == before.held
            assert same, f"I4: {row} holds another token than it did"
        if row.status == Status.REVOKED and token:
            self._ended(row, token, is_new=bool(before) and before.status != Status.REVOKED)

    def _ended(self, row, token, *, is_new):
        if not self._may_be_alive(row):
            assert not self.buffer.is_current(token), f"I3: {row} ended with a living token"
        if not is_new:
            return
        self.reached.add(row.reason)
        if row.reason == Reason.REVOKED_AT_BUFFER:
            assert not self._killed_by_us(row, token), f"I5: {row} ended by our second send"

    def _may_be_alive(self, row):
        key = row.pk, row.epoch, row.generation
        return row.reason == Reason.UNAUTHORIZED or (
            row.reason == Reason.ANSWER_LOST and key in self.forbidden
        )

    def _killed_by_us(self, row, token):
        """Whether a second send of this site ended it, which its account still remembers.

        A request that takes longer than the quarantine is beyond what a client can know.
        """
        killer = self.buffer.killer_of(token)
        if killer is None:
            return False
        written = max(r.intended_at for r in self.requests if r.key == killer.key)
        forgotten = self.connected_at[row.pk] - conf.timing.quarantine
        return written > max(forgotten, self.buffer.clock.now() - REMEMBERED)

    def revokes(self):
        """I3 for the outbox: no link lives on what was revoked at our own request."""
        self.reached.add("revoked")
        for row in self.seen.values():
            ours = row.status == Status.ACTIVE and row.held and self.buffer.is_revoked(row.held)
            assert not ours, f"I3: {row} lost its grant to the outbox"

    def listen(self, workers):
        """I6: no secret in a log record, or in the repr of what a worker remembers."""
        self._search((*self.ears.heard(), *(repr(vars(worker)) for worker in workers)))

    def read(self):
        """I6: no secret in an event, or in what the admin shows of a row."""
        self._search(str(facts) for facts in LinkEvent.objects.values())
        for row in BufferLink.objects.all():
            self._search((repr(row), str(row), row.last_error))

    def _search(self, texts):
        text = "\n".join(texts)
        for secret in self.buffer.secrets:
            assert not any(form in text for form in _forms(secret)), "I6: a secret shows"

    def _open(self, pk, blob):
        if blob is None:
            return None
        blob = bytes(blob)
        if blob not in self.opened:
            self.opened[blob] = BufferLink.objects.get(pk=pk).open_refresh_token().reveal()
        return self.opened[blob]


def _refusals():
    return LinkEvent.objects.filter(refused=True).count()


def _outbox():
    field = PendingRevocation._meta.get_field("token")
    return [
        field.open(row.token, row=row.uid, epoch=None).reveal()
        for row in PendingRevocation.objects.all()
    ]


def _forms(secret):
    return secret, repr(secret)[1:-1]
