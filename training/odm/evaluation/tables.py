"""The protocol's figures as tables in Markdown, for a bundle's card."""

from __future__ import annotations

from typing import Any

BEGIN, END = "<!-- evaluation -->", "<!-- /evaluation -->"


def kid(e: dict[str, Any] | None) -> str:
    """KID x 1000 with its interval."""
    return "–" if e is None else number(e["kid"], 1000, 1)


def number(e: dict[str, Any] | None, factor: float = 1, digits: int = 2) -> str:
    if e is None:
        return "–"
    low, high = e["interval"]
    return f"{factor * e['value']:.{digits}f} ({factor * low:.{digits}f} to {factor * high:.{digits}f})"


def short_names(manifest: dict[str, Any]) -> dict[float, str]:
    return {float(g["value"]): g["short"] for g in manifest["grades"]}


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(head) + " |", "|---" * len(head) + "|", *("| " + " | ".join(r) + " |" for r in rows)]


def near(points: list[dict[str, Any]], t: float) -> dict[str, Any]:
    return min(points, key=lambda p: abs(p["t"] - t))


def card_section(metrics: dict[str, Any], manifest: dict[str, Any]) -> str:
    """Markdown between two comments, so that it can be replaced."""
    names = short_names(manifest)
    by: dict[str, Any] = metrics["byVariant"]
    keys = list(by)
    titles = [by[k]["title"] for k in keys]
    out = [
        BEGIN,
        "## Evaluation",
        "",
        f"Protocol {metrics['protocol']}, {metrics['date'][:10]}, on {metrics['hardware']['device']}. 95 % intervals in brackets. "
        f"Features: {metrics['features']['name']}. {metrics['data']['note']}",
        "",
        "KID x 1000 against the training images, by grade (lower is better; the floor is one half of the real images against the other):",
        "",
    ]
    floor = {h["grade"]: h["distance"] for h in metrics["floor"]["halves"]}
    rows = []
    for i, v in enumerate(float(g["value"]) for g in manifest["grades"]):
        cells = [kid(by[k]["judgement"]["classwise"][i]["training"]) for k in keys]
        n = metrics["data"]["training"][i]
        rows.append([names[v], str(n), *cells, kid(floor.get(v))])
    means = [kid(by[k]["judgement"]["mean"]["training"]) for k in keys]
    rows.append(["mean of the grades", "", *means, ""])
    out += table(["grade", "real images", *titles, "floor"], rows)
    own = metrics["grader"]
    out += [
        "",
        f"Severity read by a grader trained on real images only ({own['chosen']}; its own QWK on real images, {own['folds']} folds: "
        f"{number(own['crossValidated']['qwk'])}):",
        "",
    ]
    rows = [
        ["QWK of grade asked for and grade read", *(number(by[k]["judgement"]["grader"]["qwk"]) for k in keys)],
        ["the same, divided by the grader's own", *(f"{by[k]['qwkOfOwn']:.2f}" for k in keys)],
        ["mean absolute error, grades", *(number(by[k]["judgement"]["grader"]["mae"]) for k in keys)],
    ]
    normalised = metrics.get("colourNormalised")
    if normalised:
        rows.append(
            ["QWK, colours normalised (" + f"grader's own {number(normalised['grader']['crossValidated']['qwk'])})",
             *(number(normalised["byVariant"][k]["grader"]["qwk"]) if k in normalised["byVariant"] else "–" for k in keys)]
        )  # fmt: skip
        rows.append(
            ["mean KID x 1000, colours normalised",
             *(kid(normalised["byVariant"][k]["mean"]["training"]) if k in normalised["byVariant"] else "–" for k in keys)]
        )  # fmt: skip
    out += table(["", *titles], rows)
    out += _measured(by, names)

    ordered = [k for k in keys if "ordinality" in by[k]]
    if ordered:
        out += ["", "Order of the grades' noise estimates on held-out real pictures, noised:", ""]
        rows = []
        for t in (0.3, 0.5, 0.7, 0.85, 0.95):
            for name, digits in (("straightness", 3), ("violations", 4), ("outerRatio", 2)):
                label = {"straightness": "straightness (1 is a line)", "violations": "order violations (share)", "outerRatio": "distance of the outer grades, against the standard model's"}[name]  # fmt: skip
                rows.append(
                    [
                        f"t = {t}: {label}",
                        *(number(near(by[k]["ordinality"]["noised"], t)[name], 1, digits) for k in ordered),
                    ]
                )
        out += table(["", *(by[k]["title"] for k in ordered)], rows)
        out += ["", "Denoiser PSNR in dB on held-out pictures, by t:", ""]
        times = [p["t"] for p in by[ordered[0]]["psnr"]]
        out += table(
            ["", *(f"{t:g}" for t in times)],
            [["the noisy picture itself", *(f"{p['input']:.1f}" for p in by[ordered[0]]["psnr"])]]
            + [[by[k]["title"], *(f"{p['psnr']['value']:.1f}" for p in by[k]["psnr"])] for k in ordered],
        )
    if any(by[k]["interpolation"] for k in keys):
        out += ["", "Pictures between the grades: mean severity the grader reads, and KID x 1000 against real images of the half grade, where there are any:", ""]  # fmt: skip
        rows = []
        for row in by[keys[0]]["interpolation"]:
            severity = row["severity"]
            cells = []
            for k in keys:
                mine = next((r for r in by[k]["interpolation"] if r["severity"] == severity), None)
                text = "–"
                if mine is not None:
                    text = f"read {number(mine['severityRead'])}"
                    if mine["severityMeasured"]:
                        text += f", measured {number(mine['severityMeasured'])}"
                    if mine["real"]:
                        others = ", ".join(
                            f"{names[o['grade']]} {1000 * o['kid']['value']:.1f}" for o in mine["real"]["neighbours"]
                        )
                        text += f"; KID {number(mine['real']['kid'], 1000, 1)}, beside {others}"
                cells.append(text)
            rows.append([f"{severity:g}", *cells])
        out += table(["severity", *titles], rows)
    out += _left_out(by, names)
    if "augmentation" in metrics:
        a = metrics["augmentation"]
        out += ["", f"A grader ({a['grader']}) trained on real and {a['syntheticPerGrade']} synthetic pictures a grade. {a['note']}", ""]  # fmt: skip
        high = [names[r["grade"]] for r in a["arms"][0]["recall"]]
        rows = [
            ["real only" if arm["variant"] is None else f"real + {by[arm['variant']]['title']}", number(arm["qwk"]), number(arm["gain"], 1, 3), *(number(r["recall"]) for r in arm["recall"]), number(arm["heldOutQwk"])]
            for arm in a["arms"]
        ]  # fmt: skip
        out += table(["trained on", "QWK", "gain", *(f"recall of {h}" for h in high), "QWK, held out"], rows)
    out += ["", "Copies of training images (nearest training image nearer than a third of the second nearest, flips and shifts included):", ""]  # fmt: skip
    rows = []
    for name, title in (("pixels", "in pixels"), ("features", "in features")):
        rows.append([f"{title}: pictures under the threshold", *(f"{by[k]['memorisation'][name]['underThreshold']} of {by[k]['memorisation']['n']}" for k in keys)])  # fmt: skip
        rows.append([f"{title}: chance that a generated picture lies nearer to the training images than a held-out one", *(number(by[k]["memorisation"][name]["mannWhitney"]["superiority"]) for k in keys)])  # fmt: skip
    out += table(["", *titles], rows)
    drawn = ", ".join(f"{by[k]['title']} {by[k]['generatedPerGrade']} a grade" for k in keys)
    out += [
        "",
        f"Pictures judged: {drawn}; seeds from {metrics['seeds']['generation']}. All figures: `metrics.json`.",
        "",
        END,
    ]
    return "\n".join(out)


def _measured(by: dict[str, Any], names: dict[float, str]) -> list[str]:
    """Severity measured from the pictures, where a program can."""
    keys = [k for k in by if by[k].get("severityMeasured")]
    if not keys:
        return []
    rows = []
    for i, of in enumerate(by[keys[0]]["severityMeasured"]):
        cells = [by[k]["severityMeasured"][i] for k in keys]
        rows.append([names[of["grade"]], *(f"{number(c['mean'])}; error {number(c['mae'])}" for c in cells)])
    return [
        "",
        "Severity measured from the same pictures: mean, and mean absolute error, in grades:",
        "",
        *table(["grade asked for", *(by[k]["title"] for k in keys)], rows),
    ]


def _left_out(by: dict[str, Any], names: dict[float, str]) -> list[str]:
    """Models trained without a grade, and asked for it; and for a neighbour that they have seen, where that was drawn too."""
    found = [(mine, r) for mine in by.values() for r in mine.get("leaveOneOut", [])]
    if not found:
        return []
    with_seen, with_measured = (any(r.get(key) for _, r in found) for key in ("seen", "severityMeasured"))
    rows = []
    for mine, r in found:
        saw = [mine["title"], f"{r['imagesSeen']:,}", f"{mine['imagesSeen']:,}"]
        read = [number(r["severityRead"]), *([number(r["severityMeasured"])] if with_measured else [])]
        rows.append([*saw, names[r["grade"]], r["method"], kid(r["distance"]), kid(r["distanceTrainedWith"]), *read])
        if seen := r.get("seen"):
            own = [kid(seen["distance"]), kid(seen["distanceTrainedWith"])]
            rows.append([*saw, names[seen["grade"]], "(seen)", *own, *["–"] * len(read)])
    head = ["a model like", "images seen", "by the shipped one", "grade", "drawn by", "KID x 1000", "of the shipped one", "severity read"]  # fmt: skip
    said = "A grade left out of the training of models like those shipped (which need not have seen as much), then asked for"
    said += ", and beside it a grade that the same models have seen:" if with_seen else ":"
    return ["", said, "", *table(head + ["severity measured"] * with_measured, rows)]


def with_section(card: str, section: str) -> str:
    """The card with its evaluation replaced, or put before the settings (or at the end)."""
    if BEGIN in card and END in card:
        head, rest = card.split(BEGIN, 1)
        return head + section + rest.split(END, 1)[1]
    for heading in ("\n## Settings", "\n## Licence"):
        if heading in card:
            head, rest = card.split(heading, 1)
            return f"{head}\n{section}\n{heading}{rest}"
    return f"{card.rstrip()}\n\n{section}\n"
