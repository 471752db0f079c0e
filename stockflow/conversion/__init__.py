"""A model written in the other format, or in its own with some equations changed."""
