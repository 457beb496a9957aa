"""The worklist: which studies wait for whom, found, filtered and sorted in the database."""
