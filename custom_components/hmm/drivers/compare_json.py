"""What came of a comparison of two versions of a driver, as JSON."""

from typing import Any

from homeassistant.util.json import JsonObjectType

from .compare import DriverTrial


def comparison_json(trial: DriverTrial) -> JsonObjectType:
    """Return the counts and every field that is read differently."""
    comparison = trial.comparison
    differences: list[Any] = [
        {
            "field": name,
            "kind": result.kind,
            "running": result.running,
            "candidate": result.candidate,
            "polls": result.counts[result.kind],
        }
        for name, result in sorted(comparison.fields.items())
        if result.kind != "same"
    ]
    return {
        "driver": str(trial.id),
        "entry": trial.entry.title,
        "running_version": trial.running_version,
        "candidate_version": trial.offered.declaration.version,
        "sha256": trial.offered.declaration.sha256,
        "polls": comparison.polls,
        "read": comparison.good,
        "same_fields": len(comparison.of_kind("same")),
        "differences": differences,
        "errors": dict(comparison.errors),
        "not_asked": list(comparison.missed),
        "ended_early": trial.failed,
    }
