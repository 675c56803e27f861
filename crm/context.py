from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.utils.functional import SimpleLazyObject


def one_token(request: HttpRequest) -> dict[str, object]:
    """One CSRF token for all forms of a page; Django would mask another one for each."""
    return {"csrf_token": SimpleLazyObject(lambda: str(get_token(request)))}
