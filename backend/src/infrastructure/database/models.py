"""Every table of the application: importing this module registers them all on `Base.metadata`."""

from src.infrastructure.evaluation.models.evaluation_model import EvaluationModel, TestResultModel
from src.infrastructure.evaluation.models.suite_model import TestCaseModel, TestSuiteModel
from src.infrastructure.prompt.models.prompt_model import PromptModel, PromptTemplateModel, PromptVersionModel
from src.infrastructure.shared.database.base import Base

__all__ = [
    "Base",
    "EvaluationModel",
    "PromptModel",
    "PromptTemplateModel",
    "PromptVersionModel",
    "TestCaseModel",
    "TestResultModel",
    "TestSuiteModel",
]
