"""`python -m pushforward.cli`, where the script is not on the path."""

from pushforward.cli import main

main()
