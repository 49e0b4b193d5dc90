"""The Celery tasks, for beat; see `buffer_connect.schedule`.

The database knows what is due, so a lost or doubled message harms nothing: there are no retries,
and the next beat is the next try.
"""

from celery import shared_task

from buffer_connect import flows, site


@shared_task(name="buffer_connect.tasks.refresh_due_links", ignore_result=True)
def refresh_due_links() -> None:
    """Refresh every link that is due."""
    site.refuse_pickle()
    flows.sweep()


@shared_task(name="buffer_connect.tasks.clean_up", ignore_result=True)
def clean_up() -> None:
    """Announce what was not announced, and delete what is no longer kept."""
    site.refuse_pickle()
    flows.clean_up()
