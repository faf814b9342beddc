"""Each provider's rows of the table, with what its types compute."""
