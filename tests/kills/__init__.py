"""Real processes, really killed: a server, workers and a cloud, each of its own, and a wire that can be cut between."""
