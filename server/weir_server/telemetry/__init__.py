"""What do operators see? Logs, one JSON line for each event, without content and without keys."""
