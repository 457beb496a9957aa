"""`python -m firstread.cli`, for where the console script is not on the path."""

from firstread.cli import main

main()
