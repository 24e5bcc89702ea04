"""The result of a comparison of proxy and full training, in sentences and as JSON."""

from __future__ import annotations

from typing import Any

from results.agreement import Estimate
from results.proxy_report import ENOUGH, Agreement, ProxyReport


def answer(report: ProxyReport) -> str:
    """Return one sentence: whether a search with this proxy is worth starting."""
    tau = report.proxy.reward
    if tau is None:
        return (
            f"{_networks(report.networks)} trained by the proxy and in full so far: too few to "
            "compare."
        )
    pairs = f"orders {_percent((1 + tau.value) / 2)} of all pairs as full training does"
    match report.is_worth:
        case True:
            return f"A search with this proxy is worth starting: it {pairs}{_regret(report)}."
        case False:
            return (
                f"A search with this proxy is not worth starting: it {pairs}, and "
                f"{_percent((1 + ENOUGH) / 2)} would be needed."
            )
        case _:
            return (
                f"Not certain yet whether a search with this proxy is worth starting: it {pairs}, "
                f"but with {report.networks} networks tau may be anywhere from "
                f"{decimal(tau.low)} to {decimal(tau.high)}."
            )


def sentences(report: ProxyReport) -> list[str]:
    """Return further sentences: on the ceiling, a cheaper proxy, and what more would cost."""
    return [
        text for text in (_ceiling(report), _cheaper(report), _more(report)) if text is not None
    ]


def _regret(report: ProxyReport) -> str:
    regret, chance = report.proxy.regret, report.regret_by_chance
    if regret is None or chance is None:
        return ""
    return (
        f", and its best of {report.regret_of} loses {_percent(regret.value)} of the reward, where "
        f"any of them would lose {_percent(chance)}"
    )


def _ceiling(report: ProxyReport) -> str | None:
    ceiling, tau = report.reward_ceiling, report.proxy.reward
    if tau is None:
        return None
    if ceiling is None:
        return "No ceiling is known, as no network was trained twice in full (--repeats)."
    return (
        f"Full training with another seed would reach a tau of {decimal(ceiling.value)} "
        f"({decimal(ceiling.low)} to {decimal(ceiling.high)}), by {_networks(report.repeated)} "
        "trained twice."
    )


def _cheaper(report: ProxyReport) -> str | None:
    cheaper, own = report.cheaper, report.proxy
    if own.reward is None or not report.is_worth:
        return None
    if cheaper is None:
        asked = report.curve or report.tried
        return "No cheaper proxy would do as well, of those compared." if asked else None
    source = "by the learning curve, " if cheaper in report.curve else ""
    return (
        f"A cheaper proxy may do: {source}{described(cheaper)} has a tau of {_tau(cheaper)} in "
        f"{cheaper.seconds / own.seconds:.2f} of the time."
    )


def _more(report: ProxyReport) -> str | None:
    more = report.more()
    tau = report.proxy.reward
    if tau is None or more is None:
        return None
    networks, hours = more
    time = f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.0f} minutes"
    wanted = report.precision or 0.1
    return (
        f"For a tau known to +-{wanted:g}, {_networks(networks)} more would be trained, for about "
        f"{time} of one worker."
    )


def described(agreement: Agreement) -> str:
    """Return a fidelity in words: ``epochs=5`` of a curve and of a try alike."""
    return agreement.name.replace(",", ", ")


def _tau(agreement: Agreement) -> str:
    return "not known" if agreement.reward is None else decimal(agreement.reward.value)


def _networks(count: int) -> str:
    return f"{count} network{'s' * (count != 1)}"


def decimal(value: float, digits: int = 2) -> str:
    """Return a value with so many digits, and 0.00 without a sign."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"


def report_json(report: ProxyReport) -> dict[str, Any]:
    """Return the result in JSON types; null stands for what is not known yet.

    Intervals are ``[low, high]`` at 95 %; ``points`` are each network's results by fidelity.
    """
    more = report.more()
    return {
        "networks": report.networks,
        "worth_a_search": report.is_worth,
        "answer": answer(report),
        "sentences": sentences(report),
        "proxy": _agreement_json(report.proxy),
        "after_epochs": [_agreement_json(each) for each in report.curve],
        "tried": [_agreement_json(each) for each in report.tried],
        "cheaper": report.cheaper and report.cheaper.name,
        "full_seconds": report.full_seconds,
        "ceiling": _estimate_json(report.reward_ceiling),
        "accuracy_ceiling": _estimate_json(report.accuracy_ceiling),
        "trained_twice": report.repeated,
        "regret_of": report.regret_of,
        "regret_by_chance": report.regret_by_chance,
        "proxy_deviation": report.proxy_deviation,
        "full_deviation": report.full_deviation,
        "networks_more": more and more[0],
        "hours_more": more and more[1],
        "points": [
            {
                "number": number,
                **{
                    name: [
                        {"reward": v.reward, "accuracy": v.accuracy, "seconds": v.seconds}
                        for v in values
                    ]
                    for name, values in of_network.items()
                },
            }
            for number, of_network in report.points.items()
        ],
    }


def _agreement_json(agreement: Agreement) -> dict[str, Any]:
    return {
        "name": agreement.name,
        "networks": agreement.networks,
        "seconds": agreement.seconds,
        "tau": _estimate_json(agreement.reward),
        "tau_of_accuracy": _estimate_json(agreement.accuracy),
        "tau_of_better_half": _estimate_json(agreement.better_half),
        "regret": _estimate_json(agreement.regret),
        "tau_per_minute": agreement.per_minute,
    }


def _estimate_json(estimate: Estimate | None) -> dict[str, Any] | None:
    if estimate is None:
        return None
    return {"value": estimate.value, "interval": [estimate.low, estimate.high]}
