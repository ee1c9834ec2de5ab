"""The recipes that the ledger compares: how each is trained and scored, and its line of the ledger."""
