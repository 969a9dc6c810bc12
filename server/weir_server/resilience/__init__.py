"""What if a provider is slow or down?"""
