"""The list's page."""

from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest


class LinkList(ChangeList):
    """A list that offers to show all links only where it leaves some out.

    Django offers it wherever it has not counted them all, which is a query of its own.
    """

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.query and not self.get_filters_params():
            self.full_result_count = self.result_count
