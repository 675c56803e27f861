from django.http import HttpRequest

from salespeople.models import User


class SignedIn(HttpRequest):
    """A request behind sign-in, where every page but the open ones is: its user is never anonymous."""

    user: User
