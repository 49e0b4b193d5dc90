"""The Celery tasks, for beat; see `buffer_connect.schedule`.

The database knows what is due, so a lost or doubled message harms nothing: there are no retries,
and the next beat is the next try.
"""

from threading import Event
from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down

from buffer_connect import flows, site
from buffer_connect.stopping import Either, SharedFlag, finishing_first

# Made before the worker forks: its parent is told of a shutdown, its children do the work.
_STOP = SharedFlag()


@worker_shutting_down.connect
def _stop_claiming(**kwargs: Any) -> None:
    _STOP.set()


@shared_task(name="buffer_connect.tasks.refresh_due_links", ignore_result=True)
def refresh_due_links() -> None:
    """Refresh every link that is due; once the worker shuts down, only what is out already."""
    site.refuse_pickle()
    # A signal to one child (a time limit, a revoked task) must not stop those that come after it.
    own = Event()
    with finishing_first(own):
        flows.sweep_apart(Either(own, _STOP))


@shared_task(name="buffer_connect.tasks.clean_up", ignore_result=True)
def clean_up() -> None:
    """Announce what was not announced, and delete what is no longer kept."""
    site.refuse_pickle()
    flows.clean_up(stop=_STOP)
