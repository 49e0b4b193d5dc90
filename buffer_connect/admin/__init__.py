"""The admin's window on links: what a flow owns can be looked at, never edited.

`links` is the list and the detail, `history` what stands below it, `standing` how a link fares;
`actions` are what staff may ask of the flows, and `outcomes` what they are told about it.
"""

from buffer_connect.admin.links import BufferLinkAdmin

__all__ = ["BufferLinkAdmin"]
