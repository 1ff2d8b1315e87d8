from src.domain.shared.errors import ConflictError, NotFoundError


class PromptNotFoundError(NotFoundError):
    code = "prompt_not_found"
    title = "Prompt not found"

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no prompt {key!r} in this workspace.")


class PromptVersionNotFoundError(NotFoundError):
    code = "prompt_version_not_found"
    title = "Prompt version not found"

    def __init__(self, key: str, version: int) -> None:
        super().__init__(f"Prompt {key!r} has no version {version}.")


class PromptNameTakenError(ConflictError):
    code = "prompt_name_taken"
    title = "Prompt name taken"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Another prompt is named {name!r}. Choose another name, or add a version to that prompt."
        )


class PromptStateError(ConflictError):
    code = "prompt_state"
    title = "The prompt's state forbids it"


class TemplateNotFoundError(NotFoundError):
    code = "template_not_found"
    title = "Template not found"

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no template {key!r} in this workspace.")


class TemplateNameTakenError(ConflictError):
    code = "template_name_taken"
    title = "Template name taken"

    def __init__(self, name: str) -> None:
        super().__init__(f"Another template is named {name!r}. Choose another name.")
