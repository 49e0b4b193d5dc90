"""What the package does: the only place that knows both the rows and the network."""

from buffer_connect.flows.apart import sweep_apart
from buffer_connect.flows.clean_up import clean_up
from buffer_connect.flows.sweep import sweep

__all__ = ["clean_up", "sweep", "sweep_apart"]
