"""A model as one HTML file that runs it in a browser, without a network."""

#: draws that are taken of more
MOST_DRAWS = 200
