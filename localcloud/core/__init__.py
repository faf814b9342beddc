"""What every local cloud shares: its clock, its faults, its ledger, its control interface and its server."""
