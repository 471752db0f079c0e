"""From the text of a model file to equations."""
