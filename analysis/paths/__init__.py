"""From discovery to large-scale industry: stage dates over the posterior, what they depend on, and runs to 2060."""
