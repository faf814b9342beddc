"""Amazon Web Services: one door to its SDK, its error codes in our words, and a file for each kind."""
