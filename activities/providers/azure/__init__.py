"""Azure: one door to its SDK, ARM's ids, tags and error codes in our words, and a file for each kind."""
