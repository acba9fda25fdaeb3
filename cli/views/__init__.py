"""What commands print: tables and texts, apart from what they are drawn from."""
