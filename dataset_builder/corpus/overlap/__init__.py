"""Find texts that two splits share: contamination, copies and near-duplicates."""
