"""How scoring itself goes: rows, errors, latency, versions, cost."""
