"""What can be wrong with a query or with the data that it meets."""

from __future__ import annotations

from localcloud.errors import ServiceError


class SelectError(ServiceError):
    """Told with its status while nothing of the answer is out, else as the stream's last event."""
