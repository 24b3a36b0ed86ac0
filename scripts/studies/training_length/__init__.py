"""How far does longer training lower the error of Simard's network?"""

from invariance.plan.catalogue import Figure, Study

STUDY = Study(
    figures=(
        Figure(
            "training_length",
            caption="Test error of networks trained on elastic distortions for more and more epochs.",
            title="Error against epochs",
            inputs={"table": "tables/{study}.csv", "published": "paper/published.csv"},
        ),
    ),
    training_name=lambda plan, cell: f"epochs_{plan.epochs(*cell[:3])}",
)
