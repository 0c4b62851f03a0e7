"""Models: how unusual a value of a series is. Each judges first and learns afterwards."""
