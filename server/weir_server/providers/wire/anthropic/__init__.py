"""How does Anthropic speak? Its Messages API; Weir's own names stop here.

Rules follow the vendor's API reference, "Messages", and the types of its SDK.
"""
