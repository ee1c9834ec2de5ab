"""Write the card and the metadata of the corpus, and push it to the Hub."""
