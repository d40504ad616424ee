"""Who answers? Models and the methods that train them."""

from rewardmark.baselines.method import Decoding, FitJob, FitResult, Method
from rewardmark.baselines.registry import (
    ModelSpec,
    get_method,
    get_model,
    list_methods,
    list_models,
    register_method,
    register_model,
)

__all__ = [
    "Decoding",
    "FitJob",
    "FitResult",
    "Method",
    "ModelSpec",
    "get_method",
    "get_model",
    "list_methods",
    "list_models",
    "register_method",
    "register_model",
]
