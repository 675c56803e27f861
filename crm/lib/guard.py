from typing import Any

from django.core.exceptions import ValidationError


class Guard:
    """Collects refusals by field, so that a person sees all of them at once. `code` is the error of domain B.13."""

    def __init__(self) -> None:
        self.errors: dict[str, list[ValidationError]] = {}

    def __call__(self, holds: bool, field: str, message: Any, code: str, **params: Any) -> bool:
        if not holds:
            self.errors.setdefault(field, []).append(ValidationError(message, code=code, params=params))
        return holds

    def add(self, field: str, refusal: ValidationError | None) -> None:
        if refusal is not None:
            self.errors.setdefault(field, []).append(refusal)

    def raise_if_any(self) -> None:
        """Raises ValidationError keyed by field when something was refused."""
        if self.errors:
            raise ValidationError(self.errors)
