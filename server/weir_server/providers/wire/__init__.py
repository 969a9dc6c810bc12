"""What do vendors say? One pure module for each wire format: no I/O, no clock, no logging."""
