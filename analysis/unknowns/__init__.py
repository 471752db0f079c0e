"""What an answer hinges on: sensitivity indices, and the unknowns under which a schedule fails."""
