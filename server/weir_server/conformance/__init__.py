"""What must every client show? A real server that plays golden scenarios, for any language."""
