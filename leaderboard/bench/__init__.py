"""How fast the parts are beside their peers: measured, kept as JSON, held to a baseline, shown as a page."""

from rewardmark.leaderboard.bench.baseline import Finding, baseline_of, judge
from rewardmark.leaderboard.bench.measure import FILE, measure, read_bench
from rewardmark.leaderboard.bench.page import write_page
from rewardmark.leaderboard.bench.text import markdown

__all__ = ["FILE", "Finding", "baseline_of", "judge", "markdown", "measure", "read_bench", "write_page"]
