"""What can be wrong with a model, an engine or the weights; each says what to type next."""

from __future__ import annotations

from orchard.errors import EnvironmentNotReadyError, OrchardError, UsageError


class ModelDamagedError(EnvironmentNotReadyError):
    """A model's folder lacks a file, or a file is not the one that was exported."""


class EngineMissingError(EnvironmentNotReadyError):
    """The library of the engine asked for is not installed."""


class WeightsNotFoundError(UsageError):
    """`--weights` names neither a known set of weights nor a file of weights."""


class WeightsMismatchError(UsageError):
    """A file of weights belongs to another network, or is not one at all."""


class ModelFolderTakenError(UsageError):
    """The folder to export into holds something that is not a model."""


class EnginesDisagreeError(OrchardError):
    """The exported model does not compute what the Keras model computes."""
