"""Every measurement, one after the other: `python -m benchmarks`, or `python -m benchmarks buckets help`."""

from __future__ import annotations

import asyncio
import sys

from benchmarks import acts, buckets, frontdoor, planning

MEASURES = {"help": frontdoor.main, "planning": planning.main, "acts": acts.main, "buckets": buckets.main}


def main(names: list[str]) -> None:
    """Run the named ones, or all."""
    unknown = sorted(set(names) - set(MEASURES))
    if unknown:
        sys.exit(f"there is no measurement {', '.join(unknown)}; choose from {', '.join(MEASURES)}")
    for name in names or MEASURES:
        print(f"\n{name}")
        asyncio.run(MEASURES[name]())


if __name__ == "__main__":
    main(sys.argv[1:])
