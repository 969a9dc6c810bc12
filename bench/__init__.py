"""What does a call through Weir cost, next to the barest gateway that could carry it?"""
