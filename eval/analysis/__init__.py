"""Turn measurements into scores with intervals and tests."""
