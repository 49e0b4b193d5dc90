"""The admin's window on links: what a flow owns can be looked at, never edited.

`links` puts the pages together: `listing` and `columns` are the list, `fieldsets` and `history` a
link's own page, `standing` how it fares; `actions` are what staff may ask of the flows,
`confirmation` asks them back, and `outcomes` is what they are told.
"""

from buffer_connect.admin.links import BufferLinkAdmin

__all__ = ["BufferLinkAdmin"]
