"""What each loop, barrier and policy instrument does in the four industries, over the draws of their posteriors."""
