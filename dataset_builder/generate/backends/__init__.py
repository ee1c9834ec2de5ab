"""Run a teacher's model: by transformers in this process, or on a server over HTTP."""
