"""Who is better? Suites, the harness that runs them, the store of runs, the page and the command line."""
