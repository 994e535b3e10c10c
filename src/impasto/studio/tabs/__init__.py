"""One file per tab: what stands where, and which work a button begins."""
