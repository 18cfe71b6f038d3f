"""The status page, its API, and the endpoints for machines (``/metrics``, ``/healthz``, ``/readyz``)."""
