"""Hold the project's `evaluate` metric; this folder needs no other code and is pushed to the Hub as it is."""
