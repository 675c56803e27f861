from typing import Any

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """The stock backend, except that it has the server running before it connects."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        self.settings_dict["EMBEDDED"].start()
        return super().get_new_connection(conn_params)
