"""How the networks of the lung-nodule reader were made."""
