"""The example site: what a project that uses the package looks like."""
