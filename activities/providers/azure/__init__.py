"""Azure: how its resources say whose they are."""
