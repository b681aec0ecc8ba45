"""What keeps workers alive: processes on this machine."""
