"""Who is better? Suites, the harness that runs them, the store of runs, the page and the command line.

    from rewardmark.leaderboard.suite import load_suite
    from rewardmark.leaderboard.plan import plan_suite
    from rewardmark.leaderboard.cell import Context
    from rewardmark.leaderboard.harness import run_plan
    from rewardmark.leaderboard.store import Store

The parts are imported by their own names, so that none of them makes `rewardmark --help` wait.
"""
