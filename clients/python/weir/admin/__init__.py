"""What is for operators? The packages of `weir.admin`."""
