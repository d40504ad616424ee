"""One file for each command of `rewardmark`."""
