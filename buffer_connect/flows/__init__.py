"""What the package does: the only place that knows both the rows and the network."""
