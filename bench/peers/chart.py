"""The results of run.py as bars: the same SVG, byte for byte, from the same results.

    python3 bench/peers/chart.py docs/peers-results.json docs/peers.svg

A bar is a contender's median over that of the fastest peer, so that the line at 1 is the fastest peer in every group.
"""
import json
import statistics
import sys
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT = 800, 176, 664  # bars lie between LEFT and RIGHT, names and numbers beside them
TOP, HEAD, BAR, STEP, GAP, FOOT = 66, 22, 14, 18, 14, 60
STYLE = """
  text { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #24292f }
  .card { fill: #ffffff; stroke: #d0d7de }
  .rate { paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
  .title { font-size: 16px; font-weight: 600 }
  .work { font-weight: 600 }
  .note, .peer { fill: #57606a }
  .grid { stroke: #d0d7de }
  .one { stroke: #57606a; stroke-dasharray: 4 3 }
  .own { fill: #0f766e; font-weight: 600 }
  .other { fill: #a3acb6 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .card { fill: #161b22; stroke: #30363d }
    .rate { stroke: #161b22 }
    .note, .peer { fill: #9da7b1 }
    .grid { stroke: #30363d }
    .one { stroke: #9da7b1 }
    .own { fill: #2dd4bf }
    .other { fill: #6e7681 }
  }
"""


def text(x, y, words, name="", anchor=""):
    attributes = (f' class="{name}"' if name else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{x:.1f}" y="{y:.1f}"{attributes}>{escape(words)}</text>'


def line(x, y, length, name):
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{x:.1f}" y2="{y + length:.1f}" class="{name}"/>'


def number(rate):
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}" if rate >= 10 else f"{rate:.2f}"


def groups(results):
    """Rows with peers: title, unit and the medians, Linnet's first, the others from the fastest on."""
    found = []
    for r in results:
        medians = {name: statistics.median(v) for name, v in r["contenders"].items()}
        own = medians.pop(r["ours"], None)
        if r["chart"] and own and medians:
            peers = sorted(medians.items(), key=lambda x: -x[1])
            found.append((r["workload"], r["unit"], [(r["ours"], own), *peers]))
    return found


def group(y, title, unit, bars, scale, marks):
    best = bars[1][1]
    out = [text(16, y + 14, title, "work"), text(WIDTH - 16, y + 14, f"{bars[0][1] / best:.2f}×", "own", "end")]
    y += HEAD
    out += [line(LEFT + m * scale, y - 3, STEP * len(bars) + 2, "one" if m == 1 else "grid") for m in marks]
    for i, (name, rate) in enumerate(bars):
        length = rate / best * scale
        out.append(text(LEFT - 8, y + 11, name, "" if i == 0 else "peer", "end"))
        out.append(f'<rect x="{LEFT}" y="{y:.1f}" width="{length:.1f}" height="{BAR}" rx="2" class="{"own" if i == 0 else "other"}"/>')
        out.append(text(LEFT + length + 6, y + 11, f"{number(rate)} {unit}", "rate" if i == 0 else "rate peer"))
        y += STEP
    return out


def together(results, field):
    return ", ".join(dict.fromkeys(str(r[field]) for r in results))


def draw(results):
    shown = groups(results)
    if not shown:
        sys.exit("chart.py: no row of these results has a peer")
    most = max(bars[0][1] / bars[1][1] for *_, bars in shown)
    scale = (RIGHT - LEFT) / max(1, most)
    heights = [HEAD + STEP * len(bars) + GAP for *_, bars in shown]
    height = TOP + sum(heights) + FOOT
    step = next(s for s in (0.25, 0.5, 1, 2, 5, 10, 100) if most <= 8 * s)
    marks = [i * step for i in range(int(max(1, most) / step) + 1)]
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">',
           "<title>Linnet beside its peers</title>", f"<style>{STYLE}</style>",
           f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8" class="card"/>',
           text(16, 30, "Linnet beside its peers", "title"), text(16, 50, "Rates over the fastest peer's (1): longer is faster", "note")]
    bottom = TOP + sum(heights)
    out += [text(LEFT + m * scale, bottom + 4, f"{m:g}", "note", "middle") for m in marks]
    y = TOP
    for (title, unit, bars), h in zip(shown, heights):
        out += group(y, title, unit, bars, scale, marks)
        y += h
    measured = [r for r in results if r["chart"]]
    out.append(text(16, bottom + 30, f"{together(measured, 'cpu')}; {together(measured, 'threads')} threads.", "note"))
    others = max(r["others"] for r in measured)
    out.append(text(16, bottom + 46, f"Medians of {together(measured, 'rounds')} rounds in turns, everybody in a process of its own; "
                                     f"other programs took up to {others:.0%} of the machine.", "note"))
    return "\n".join(out) + "\n</svg>\n"


def main(results, svg):
    drawn = draw(json.load(open(results, encoding="utf-8"))["results"])
    with open(svg, "w", encoding="utf-8") as f:
        f.write(drawn)


main(*sys.argv[1:])
