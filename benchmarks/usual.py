"""What the plain engines of this comparison can run: Euler steps, fixed tables, nothing drawn at random."""

from stockflow.compiler.plan import Plan
from stockflow.language.equations import Table


def refuse_unusual(plan: Plan) -> None:
    """Raise ValueError for a plan that needs more than that."""
    if plan.method != "Euler":
        raise ValueError(f"a plain engine takes Euler steps, not {plan.method}")
    if plan.points:
        raise ValueError("a plain engine has no open tables")
    for node in {*plan.hoisted, *plan.body, *plan.observed}:
        payload = plan.system.graph.nodes[node].payload
        if isinstance(payload, Table) and payload.kind != "hold":
            raise ValueError(f"a plain engine has no {payload.kind} tables")
