"""The leaderboard page: from a folder of runs to a folder of static files."""
