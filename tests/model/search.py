"""Every state that a protocol can get into, the shortest ways first."""

from collections import deque

from tests.model import alike, invariants
from tests.model.world import State


class Violation(Exception):
    """An invariant does not hold. `steps` is the shortest way to where it does not."""

    def __init__(self, invariant, steps):
        self.invariant, self.steps = invariant, [str(step) for step in steps]
        super().__init__(f"{invariant}: {', '.join(self.steps)}")


class Search:
    """All that `protocol` can lead to; made, it has found no violation."""

    def __init__(self, protocol, *, forget=alike.simplified):
        self.protocol, self.forget = protocol, forget
        self.transitions = 0
        start = forget(protocol, State())
        # By state: the one that it was reached from, and by which step.
        self._came_by = {alike.either(start): None}
        self._go_on_from(start)

    @property
    def states(self):
        return self._came_by.keys()

    def _go_on_from(self, start):
        waiting, met = deque([(start, alike.either(start))]), set()
        while waiting:
            state, key = waiting.popleft()
            for step in self.protocol.steps(state):
                self.transitions += 1
                if broken := invariants.broken_by(self.protocol, state, step):
                    raise Violation(broken, [*self._way_to(key), step])
                if step.state in met:
                    continue
                met.add(step.state)
                after = self.forget(self.protocol, step.state)
                after_key = alike.either(after)
                if after_key not in self._came_by:
                    self._came_by[after_key] = key, step
                    waiting.append((after, after_key))

    def _way_to(self, key):
        way = []
        while self._came_by[key] is not None:
            key, step = self._came_by[key]
            way.append(step)
        return reversed(way)
