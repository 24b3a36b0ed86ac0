"""How much hangs on what Simard's paper leaves open? One choice is changed at a time (readings.yaml)."""

from typing import Any

from invariance.plan.catalogue import Figure, Study, Table, Tabular, committed, confidence
from invariance.plan.declarations import families, fields
from invariance.plan.plan import Plan

OF_MODEL = ("nonlinearity", "initial_weights", "background", "placing")
OF_OPTIMISATION = ("epochs", "batch", "momentum", "schedule", "averaging", "loss")
OF_ELASTIC = ("normalisation", "border")
CONFIDENCE = 0.95  # of the intervals in the committed tables
COMMITTED = committed("readings", "letter")


def choices(plan: Plan, study: str) -> dict[str, Any]:
    """What each cell takes for each choice, by model/training; and the confidence of the intervals."""
    taken = {}
    for _, model, training, _ in plan.of(study):
        options = families()[plan["models"][model]["family"]]
        network = {name: its.get("default") for name, its in options.items()} | plan["models"][model]
        settings = plan.training_settings(study, model, training)
        defaults = {name: its["default"] for name, its in fields()["elastic"].items() if "default" in its}
        elastic = defaults | plan["distortions"].get(settings["distortion"], {}).get("elastic", {})
        found = {name: network.get(name) for name in OF_MODEL}
        found |= {name: settings["optimisation"][name] for name in OF_OPTIMISATION}
        found |= {name: elastic.get(name) for name in OF_ELASTIC} | {"copies": settings["copies"]}
        taken[f"{model}/{training}"] = found
    return {"choices": taken, **confidence(plan, study)}


STUDY = Study(
    tables=(Table("{study}-curve", "summary:curve", {"runs": "tables/{study}-runs.csv"}, choices, on_request=True),),
    tabulars=(
        Tabular("reference-readings", "table:tabular", {"tables": COMMITTED}, there=COMMITTED),
        Tabular(
            "readings-numbers",
            "table:numbers",
            {"tables": COMMITTED, "table1": "paper/published.csv"},
            lambda plan, study: {"confidence": CONFIDENCE},
            there=COMMITTED,
        ),
    ),
    figures=(
        Figure(
            "readings",
            caption="Test error of Simard's network for each reading of what the paper leaves open.",
            title="Readings of the original",
            inputs={"tables": COMMITTED, "table1": "paper/published.csv"},
            there=COMMITTED,
        ),
    ),
    fits=lambda plan, study: study.startswith("readings"),
)
