"""Write the cards of models, with their metadata, figures and notebooks."""
