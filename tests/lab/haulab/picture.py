"""One switchover as its users saw it: the latency of each request over time, an administrator's script beside hau."""

import csv
import math

WIDTH, PANEL, BETWEEN, LEFT, RIGHT, TOP = 860, 190, 62, 58, 20, 34
# Seconds since the command was given.
BEGIN, END = -2, 12
DECADES = (1, 10, 100, 1000, 10_000)
GOOD, BAD, INK, PALE = "#2a78b8", "#d03020", "#222222", "#666666"


def draw(plain, hau, given, path):
    """From the records of two runs; `given`: seconds from their begin to the command."""
    panels = (("keepalived's weight, pg_ctl stop, pg_promote", plain), ("hau-ctl switch", hau))
    height = TOP + len(panels) * (PANEL + BETWEEN) - 32
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="Arial,sans-serif" font-size="12">',
           "<title>The latency of every request during a switchover</title>", f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>']
    for text, colour, across in (("answered", GOOD, WIDTH - 130), ("failed", BAD, WIDTH - 56)):
        out.append(f'<circle cx="{across}" cy="{TOP - 16}" r="3" fill="{colour}"/>'
                   f'<text x="{across + 7}" y="{TOP - 12}" fill="{PALE}">{text}</text>')
    for number, (title, records) in enumerate(panels):
        out += _panel(title, _requests(records, given), TOP + number * (PANEL + BETWEEN))
    out.append("</svg>")
    path.write_text("\n".join(out) + "\n", encoding="utf-8")


def _requests(path, given):
    """[(seconds since the command, latency in ms, answered)]"""
    with open(path, encoding="utf-8", newline="") as file:
        rows = [(int(row["start_us"]) / 1e6 - given, int(row["latency_us"]) / 1e3, row["outcome"] == "ok") for row in csv.DictReader(file)]
    return [row for row in rows if BEGIN <= row[0] < END]


def _across(seconds):
    return LEFT + (seconds - BEGIN) / (END - BEGIN) * (WIDTH - RIGHT - LEFT)


def _panel(title, requests, top):
    bottom = top + PANEL
    scale = PANEL / math.log10(DECADES[-1] / DECADES[0])

    def up(latency):
        return bottom - math.log10(min(max(latency, DECADES[0]), DECADES[-1])) * scale

    failed = sum(not good for _, _, good in requests)
    slowest = max(latency for _, latency, _ in requests)
    slowest = f"{slowest / 1000:.1f} s" if slowest >= 1000 else f"{slowest:.0f} ms"
    out = [f'<text x="{LEFT}" y="{top - 12}" fill="{INK}"><tspan font-weight="bold">{title}</tspan>: {failed:,} of {len(requests):,}'
           f" requests failed, the slowest took {slowest}</text>"]
    for value in DECADES:
        label = f"{value} ms" if value < 1000 else f"{value // 1000} s"
        out.append(f'<path d="M{LEFT} {up(value):.1f}H{WIDTH - RIGHT}" stroke="#dddddd"/>'
                   f'<text x="{LEFT - 8}" y="{up(value) + 4:.1f}" text-anchor="end" fill="{PALE}">{label}</text>')
    for second in range(BEGIN, END + 1, 2):
        label = "the command is given" if second == 0 else f"{second} s".replace("-", "−")
        out.append(f'<text x="{_across(second):.0f}" y="{bottom + 18}" text-anchor="middle" fill="{PALE}">{label}</text>')
    out.append(f'<path d="M{_across(0):.0f} {top}V{bottom}" stroke="{PALE}" stroke-dasharray="3 3"/>')
    for colour, width, wanted in ((GOOD, 3, True), (BAD, 5, False)):
        # Dots that would cover one another are drawn once.
        dots = sorted({(round(_across(start)), round(up(latency))) for start, latency, good in requests if good is wanted})
        if dots:
            path = "".join(f"M{x} {y}h0" for x, y in dots)
            out.append(f'<path d="{path}" stroke="{colour}" stroke-width="{width}" stroke-linecap="round" fill="none"/>')
    return out
