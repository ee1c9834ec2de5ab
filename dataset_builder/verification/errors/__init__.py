"""Make wrong answers from right ones by rules, one module for each family of kinds of error."""
