"""Answer the person at the command line."""
