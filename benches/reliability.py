"""Does a score say how likely a hit is relevant? Measures, and diagrams that show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy

BINS = 10
HALF = 0.5
COUNTED = 10


@dataclass
class Judged:
    """Hits with their scores, some of queries that nothing in the store answers."""

    scores: list[float] = field(default_factory=list)
    relevant: list[bool] = field(default_factory=list)
    foreign: list[float] = field(default_factory=list)
    """The best score of each query about another store."""

    def add(self, hits: Sequence[tuple[str, float]], relevant: set[str]) -> None:
        """Judge the hits of a query."""
        for key, score in hits[:COUNTED]:
            self.scores.append(score)
            self.relevant.append(key in relevant)

    def add_foreign(self, hits: Sequence[tuple[str, float]]) -> None:
        """Judge the hits of a query about another store: none is relevant."""
        self.add(hits, set())
        self.foreign.append(max((score for _, score in hits[:COUNTED]), default=0.0))

    def scaled(self) -> Judged:
        """Return the same hits with scores that were divided by the highest, for systems without a scale."""
        highest = max(self.scores, default=1.0) or 1.0
        scores = [min(1.0, max(0.0, score / highest)) for score in self.scores]
        return Judged(scores, self.relevant, [score / highest for score in self.foreign])

    def measures(self) -> dict[str, float]:
        """Return AUC, ECE and alarm: the share of foreign queries for which something scores 0.5 or more."""
        scores, relevant = numpy.array(self.scores), numpy.array(self.relevant, dtype=int)
        measured = {"AUC": auc(scores, relevant), "ECE": calibration_error(scores, relevant)}
        if self.foreign:
            measured["alarm"] = float(numpy.mean(numpy.array(self.foreign) >= HALF))
        return {name: round(value, 4) for name, value in measured.items()}

    def bins(self) -> list[tuple[float, float, int]]:
        """Return mean score, share of relevant hits and number of hits of each bin that has any."""
        scores, relevant = numpy.array(self.scores), numpy.array(self.relevant, dtype=float)
        places = _places(scores)
        filled = [places == place for place in range(BINS) if (places == place).any()]
        return [(float(scores[b].mean()), float(relevant[b].mean()), int(b.sum())) for b in filled]


def auc(scores: numpy.ndarray, relevant: numpy.ndarray) -> float:
    """Return how well scores part relevant hits from others: the area under the ROC curve."""
    _, places, counts = numpy.unique(scores, return_inverse=True, return_counts=True)
    ranks = (numpy.cumsum(counts) - (counts - 1) / 2)[places]
    positive = int(relevant.sum())
    negative = len(relevant) - positive
    if not positive or not negative:
        return float("nan")
    return float((ranks[relevant == 1].sum() - positive * (positive + 1) / 2) / (positive * negative))


def calibration_error(scores: numpy.ndarray, relevant: numpy.ndarray) -> float:
    """Return the expected calibration error.

    It is the mean distance between score and share of relevant hits, in ten bins weighted by size (Guo et
    al., "On calibration of modern neural networks", ICML 2017).
    """
    places = _places(scores)
    distances = [
        abs(scores[places == place].mean() - relevant[places == place].mean()) * (places == place).mean()
        for place in range(BINS)
        if (places == place).any()
    ]
    return float(sum(distances))


def _places(scores: numpy.ndarray) -> numpy.ndarray:
    return numpy.minimum((scores * BINS).astype(int), BINS - 1)


COLOURS = (
    *("#1b6ca8", "#c0392b", "#27864a", "#8e44ad", "#d68910"),
    *("#148f8f", "#a04060", "#555555", "#7d6608", "#2e4053"),
)


def diagram(judged: dict[str, Judged], file: Path, columns: int = 3) -> None:
    """Draw a reliability diagram for each name: the share of relevant hits over their score.

    The size of a dot shows how many hits it stands for. On the diagonal, the score is a probability.
    """
    side, gap = 200, 50
    rows = -(-len(judged) // columns)
    parts = []
    for number, (name, one) in enumerate(judged.items()):
        left, top = gap + number % columns * (side + gap), gap + number // columns * (side + gap)
        title = f"{name}, ECE {one.measures()['ECE']:.3f}"
        parts += [*_axes(title, left, top, side), *_curve(one, left, top, side, COLOURS[0])]
    _write(parts, columns * (side + gap) + gap, rows * (side + gap) + gap, file)


def overlay(judged: dict[str, Judged], file: Path) -> None:
    """Draw the diagrams of all names into one."""
    side, gap = 400, 50
    parts = _axes("share of relevant hits", gap, gap, side)
    for number, (name, one) in enumerate(judged.items()):
        colour, y = COLOURS[number % len(COLOURS)], gap + 14 + 20 * number
        parts += _curve(one, gap, gap, side, colour)
        parts.append(f'<circle cx="{side + 1.5 * gap}" cy="{y - 4}" r="5" fill="{colour}"/>')
        parts.append(f'<text x="{side + 1.5 * gap + 12}" y="{y}">{name}</text>')
    _write(parts, side + 2 * gap + 140, side + 2 * gap, file)


def _axes(title: str, left: int, top: int, side: int) -> list[str]:
    bottom, right = top + side, left + side
    return [
        f'<rect x="{left}" y="{top}" width="{side}" height="{side}" fill="none" stroke="#999"/>',
        f'<path d="M{left} {bottom} L{right} {top}" stroke="#bbb" stroke-dasharray="4"/>',
        f'<text x="{left}" y="{top - 8}">{title}</text>',
        f'<text x="{left}" y="{bottom + 16}">0</text>',
        f'<text x="{right - 8}" y="{bottom + 16}">1</text>',
        f'<text x="{left + side / 2 - 16}" y="{bottom + 16}">score</text>',
        f'<text x="{left - 14}" y="{top + 10}">1</text>',
    ]


def _curve(judged: Judged, left: int, top: int, side: int, colour: str) -> list[str]:
    bins = judged.bins()
    total = sum(count for *_, count in bins)
    points = [(left + score * side, top + (1 - share) * side, count / total) for score, share, count in bins]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    dots = [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{2 + 10 * size**0.5:.1f}" fill="{colour}" fill-opacity="0.6"/>'
        for x, y, size in points
    ]
    return [f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>', *dots]


def _write(parts: list[str], width: int, height: int, file: Path) -> None:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
    style = 'font-family="sans-serif" font-size="13"'
    white = f'<rect width="{width}" height="{height}" fill="white"/>'
    file.write_text("\n".join([f"{head} {style}>", white, *parts, "</svg>\n"]), encoding="utf-8")
