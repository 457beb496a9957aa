"""The node as a running process: its roles, its health, how it starts and stops."""
