"""Stand in for three clouds on a laptop, speaking each one's own wire protocol."""
