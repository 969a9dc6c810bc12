"""What do all the stages share? Seams and inner values; standard library and `weir.v1` only."""
