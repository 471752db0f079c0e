"""XMILE files with conveyors, queues and ovens."""

from pathlib import Path

SPACE = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"


def written(folder: Path, variables: str, specs: str = "", rest: str = "", step: float = 0.5, stop: float = 4) -> Path:
    """Return a file of some variables."""
    path = folder / "belt.xmile"
    path.write_text(
        f'<xmile version="1.0" xmlns="{SPACE}"><header><vendor>x</vendor><product version="1">x</product></header>'
        f"<sim_specs {specs}><start>0</start><stop>{stop}</stop><dt>{step}</dt></sim_specs>"
        "<dimensions><dim name='d'><elem name='a'/><elem name='b'/></dim></dimensions>"
        f"<model><variables>{variables}</variables></model>{rest}</xmile>",
        encoding="utf-8",
    )
    return path
