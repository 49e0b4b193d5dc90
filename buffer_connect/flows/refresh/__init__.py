"""The refresh protocol: no link is lost that could have been saved.

`sweep` refreshes what is due, `hold` what a caller needs now. Both run the one engine of `pipeline`:
`claim` (T1, T2, T4), the request, `settle` (T3, T5, T6) and `endings` (T7, E, U1).
"""

from buffer_connect.flows.refresh.hold import hold, is_good
from buffer_connect.flows.refresh.sweep import sweep

__all__ = ["hold", "is_good", "sweep"]
