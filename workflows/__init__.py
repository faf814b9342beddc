"""Remember the order in which things happen, and how they are taken back."""
