"""Make the examples of a verifier: from the pairs of a corpus by rules, and from written answers."""
