"""What can be said of a model without fitting it: loops and their scores, units, lint, reality checks."""
