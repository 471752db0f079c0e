"""Many runs of one model on one time axis, and what is kept of them."""
