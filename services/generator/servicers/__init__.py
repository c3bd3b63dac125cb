"""The generator's gRPC face, a file for each service: messages to domain values and back, nothing else."""

from generator.servicers.callbacks import CallbacksServicer
from generator.servicers.costs import CostsServicer
from generator.servicers.custom_models import CustomModelsServicer
from generator.servicers.jobs import JobsServicer
from generator.servicers.models import ModelsServicer
from generator.servicers.operations import OperationsServicer
from generator.servicers.secrets import SecretsServicer
from generator.servicers.usage import UsageServicer

__all__ = [
    "CallbacksServicer",
    "CostsServicer",
    "CustomModelsServicer",
    "JobsServicer",
    "ModelsServicer",
    "OperationsServicer",
    "SecretsServicer",
    "UsageServicer",
]
