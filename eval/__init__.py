"""Models' answers to the test questions, and how close in meaning they are to the references."""
