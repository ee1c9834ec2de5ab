"""Write the cards of models and verifiers, with their metadata, figures and notebooks."""
