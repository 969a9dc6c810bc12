"""Which targets may serve a call, and in what order?"""
