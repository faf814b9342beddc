"""Measurements, side by side in one run. They print ratios and judge nothing: `make bench`, or one file by itself."""
