"""What helps to find out why a strategy decides as it does."""

from typing import Any

from .strategy import Strategy


def strategy_facts(strategy: Strategy) -> dict[str, Any]:
    """Return settings, memory and the last decision, for diagnostics."""
    decision, record = strategy.decision, strategy.record
    return {
        "kind": strategy.kind,
        "settings": dict(strategy.data),
        "error": None if strategy.error is None else strategy.error.key,
        "enabled": record.enabled,
        "dry_run": record.dry_run,
        "override": None if record.override is None else record.override.to,
        "state": strategy.state,
        "asked_at": strategy.decided_at.isoformat(),
        "memory": dict(record.memory),
        "decision": None
        if decision is None
        else {
            "sentence": decision.sentence.key,
            "values": {
                key: str(value) for key, value in decision.sentence.values.items()
            },
            "wishes": {wish.miner: wish.rung for wish in decision.wishes},
            "next_check_at": decision.next_check_at.isoformat(),
        },
    }
