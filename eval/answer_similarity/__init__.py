"""The `evaluate` metric of the project; the folder stands alone and can be pushed to the Hub as it is."""
