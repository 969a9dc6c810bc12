"""What if everything fails at once? Many calls, many faults, and the figures that must hold."""
