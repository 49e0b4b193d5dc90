"""Whether a link is lost that could have been saved: real processes, real faults, and a judge.

`make reliability` runs it. A conductor starts a sandbox, sweeping workers and callers as processes
of their own, and lets things go wrong by a seeded generator. Afterwards `judge` holds what the
server recorded against what the database says.
"""
