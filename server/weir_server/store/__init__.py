"""Where is what outlives a process? The homes of the ledger, the keys and the counters."""
