"""python -m rewardmark.leaderboard.report RUNS OUT [TITLE]"""

from __future__ import annotations

import sys
from pathlib import Path

from rewardmark.leaderboard.report import write_report

if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        raise SystemExit("usage: python -m rewardmark.leaderboard.report RUNS OUT [TITLE]")
    print(write_report(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]))
