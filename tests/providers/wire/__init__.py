"""Do the wire formats say and understand what they should?"""
