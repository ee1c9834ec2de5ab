"""Run a teacher model in this process or over HTTP."""
