"""What did it cost? Published prices, what operators say of them, and the arithmetic."""
