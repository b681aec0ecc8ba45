"""Workers: one that pulls trials and trains them, and the supervisor of those on this machine."""
