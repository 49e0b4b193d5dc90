"""What the protocol costs, against a bare loop that protects nothing; see `make bench`."""
