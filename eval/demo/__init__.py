"""Ask models on a web page, and publish the page as a Space."""
