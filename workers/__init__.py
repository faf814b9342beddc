"""Compose settings, clients and kinds into a worker."""
