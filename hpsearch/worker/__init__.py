"""A worker: it pulls trials, trains them and reports."""
