"""Draw how well systems find: `python benches/quality_plot.py RESULTS.json... PLOT.svg`.

Each set of questions is a row, each system a dot at its nDCG@10, agentmem in its default mode. The results
are those of `quality.py --json`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

OURS = "agentmem hybrid"
COLOURS = ["#8a8a8a", "#5b8db8", "#6aa67b", "#b07aa1", "#c9954c", "#7d7f9c", "#a3564f", "#4f9aa3"]
LEFT, WIDTH, ROW, TOP = 170, 560, 26, 56
DOT = """<circle cx="{x:.1f}" cy="{y}" r="{radius}" fill="{colour}" fill-opacity="{opacity}">\
<title>{title}</title></circle>"""


def drawn(sets: dict[str, dict[str, float]]) -> str:
    """The plot of nDCG@10 by set and system."""
    systems = list(dict.fromkeys(name for found in sets.values() for name in found if name != OURS))
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(systems)} | {OURS: "#d62728"}
    height = TOP + ROW * len(sets) + 30
    bottom = height - 24
    parts = [legend(colours)]
    for tenth in range(0, 11, 2):
        x = LEFT + WIDTH * tenth / 10
        parts.append(f'<path d="M{x} {TOP - 14} V{bottom - 12}" stroke="#e3e3e3"/>')
        parts.append(f'<text x="{x - 8}" y="{bottom + 4}" fill="#555">{tenth / 10:.1f}</text>')
    for row, (name, found) in enumerate(sets.items()):
        y = TOP + ROW * row
        parts.append(f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{name}</text>')
        for system, value in sorted(found.items(), key=lambda one: one[0] == OURS):
            ours = system == OURS
            dot = {"radius": 7 if ours else 5, "opacity": 1 if ours else 0.75, "colour": colours[system]}
            parts.append(DOT.format(x=LEFT + WIDTH * value, y=y, title=f"{system}: {value:.3f}", **dot))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 30} {height}"'
    white = f'<rect width="{LEFT + WIDTH + 30}" height="{height}" fill="white"/>'
    return "\n".join([f'{head} font-family="sans-serif" font-size="13">', white, *parts, "</svg>\n"])


def is_shown(system: str) -> bool:
    """Whether a system is in the plot: agentmem's other modes are not."""
    return system == OURS or not system.startswith("agentmem")


def legend(colours: dict[str, str]) -> str:
    """The names of the systems, ours first."""
    x, parts = 12.0, []
    for name in [OURS, *(name for name in colours if name != OURS)]:
        dot = f'<circle cx="{x + 5}" cy="16" r="5" fill="{colours[name]}"/>'
        parts.append(f'{dot}<text x="{x + 14}" y="20">{name}</text>')
        x += 34 + 7 * len(name)
    return "".join(parts)


def main() -> None:
    """Read the results, and write the plot."""
    *results, plot = sys.argv[1:]
    sets: dict[str, dict[str, float]] = {}
    for result in results:
        for name, found in json.loads(Path(result).read_text(encoding="utf-8"))["sets"].items():
            shown = {name: one for name, one in found["systems"].items() if is_shown(name)}
            sets[name] = {system: measured["nDCG@10"] for system, measured in shown.items()}
    Path(plot).write_text(drawn(sets), encoding="utf-8")


if __name__ == "__main__":
    main()
