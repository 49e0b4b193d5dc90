"""The demo: which processes it is made of, and its story without a person."""
