"""Questions asked of the calibrated model, and their answers as figures and tables."""
