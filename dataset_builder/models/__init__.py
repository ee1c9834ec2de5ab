"""Find, load and copy the models and encoders that the stages use."""
