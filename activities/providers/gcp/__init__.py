"""Google Cloud: how its resources say whose they are."""
