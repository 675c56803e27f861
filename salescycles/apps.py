from django.apps import AppConfig


class SalescyclesConfig(AppConfig):
    name = "salescycles"
