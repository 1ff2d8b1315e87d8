"""What the use cases need of storage. A repository is a collection of one workspace; committing is not its business."""

from typing import Protocol

from src.domain.prompt.prompt import Prompt, PromptVersion
from src.domain.prompt.template import PromptTemplate
from src.domain.shared.ids import PromptId, TemplateId


class PromptRepository(Protocol):
    def add(self, prompt: Prompt) -> None: ...

    def get(self, prompt_id: PromptId, *, deleted: bool = False) -> Prompt:
        """Raises PromptNotFoundError; a deleted prompt is found only with `deleted=True`."""

    def find_by_name(self, name: str) -> Prompt | None:
        """The live prompt of that name."""

    def get_version(self, prompt: Prompt, version: int) -> PromptVersion:
        """Raises PromptVersionNotFoundError."""

    def find_version_by_hash(self, prompt: Prompt, content_hash: str) -> PromptVersion | None:
        """The newest version with exactly that content."""

    def is_name_taken(self, name: str) -> bool: ...


class TemplateRepository(Protocol):
    def add(self, template: PromptTemplate) -> None: ...

    def get(self, template_id: TemplateId) -> PromptTemplate:
        """Raises TemplateNotFoundError."""

    def count_use(self, template_id: TemplateId) -> None:
        """Adds one to the usage count, without a new row version: using a template is not editing it."""

    def remove(self, template: PromptTemplate) -> None: ...
