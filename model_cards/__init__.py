"""Write the cards of trained models from their scores, and publish the models with them."""
