"""Read papers from the bulk metadata of OpenAlex or arXiv, without a crawl."""
