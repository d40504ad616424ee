"""The errors that a user can mend: each says what was wrong, where, and what to do."""

from __future__ import annotations

__all__ = ["DataError", "RewardFailure", "RewardmarkError"]


class RewardmarkError(Exception):
    """Anything that is the user's input to mend. The command line prints it as one line and exits with code 2."""


class DataError(RewardmarkError):
    """A file that cannot be used: names the file, the record in it, and what is wrong.

    >>> str(DataError("gt.json", "image has no height", record="images[3]"))
    'gt.json: images[3]: image has no height'
    """

    def __init__(self, file: object, what: str, record: object | None = None) -> None:
        self.file, self.what, self.record = str(file), what, record
        super().__init__(f"{file}: {what}" if record is None else f"{file}: {record}: {what}")


class RewardFailure(RewardmarkError):
    """A reward that raised or broke its card on one sample: never a number.

    >>> str(RewardFailure("detection/f1", "42", "1.5 is above the upper bound 1.0", value=1.5))
    'reward detection/f1 failed on sample 42: 1.5 is above the upper bound 1.0'
    """

    def __init__(self, reward: str, sample_id: object, message: str, value: object = None) -> None:
        self.reward, self.sample_id, self.message, self.value = reward, str(sample_id), message, value
        super().__init__(f"reward {reward} failed on sample {sample_id}: {message}")
