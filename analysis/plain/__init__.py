"""What every figure, table and folder of answers has in common."""
