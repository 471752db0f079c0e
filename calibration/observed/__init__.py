"""Tables of observations, and money of any year in yuan of 2020."""
