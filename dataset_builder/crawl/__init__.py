"""The crawler: the papers of a venue from DBLP, and their abstracts from several sources, politely and resumably."""
