"""What pages ask for as JSON, below `/api`."""
