"""Case files, parts of equations, driver series, and the model files built from them."""
