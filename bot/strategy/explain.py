"""A plan in words, as a person would write it to the desk. Pure: all of it is in the plan."""

from __future__ import annotations

from bot.detector.explain import cents
from bot.detector.explain import usd as price_text
from bot.registry.issuer import CONVERT
from bot.strategy.options import occ
from bot.timefmt import duration, percent, short
from bot.types import HedgeNotChosen, Leg, Plan, split_instrument

COSTS = {
    "venue_fee": "venue fees",
    "mint_fee": "the mint fee",
    "redeem_fee": "the redeem fee",
    "spread": "the issuer's spread",
    "gas": "gas",
    "financing": "financing",
    "hedge": "the hedge",
    "refill": "replacing the tokens later",
    "premium_gone": "the chance that the premium has gone by then",
    "gap_left": "the part of the gap expected to stay open",
    "exit": "the way out",
    "leg_failure": "the chance that a later step is refused",
    "channel_failure": "the chance that the channel is late or fails",
}
ROUTES = {
    "mint_and_sell": "mint and sell",
    "buy_and_redeem": "buy and redeem",
    "cross_venue": "venue against venue",
    "hedge_and_hold": "hedge and hold",
}
LEAST_SHOWN = 1e-4
"""A probability that is no more than this is not told as a number."""
STRESS = "Worst case, if what can fail does and the share moves against it as in one case of 100:"
NO_COST = 0.005
"""What a hedge costs that costs less is not told."""
INCLUDED = ("venue_fee", "mint_fee", "redeem_fee", "spread")


def explain(plan: Plan) -> str:
    """The plan's reasoning: what to do, what it earns and why, what it can cost, until when it holds."""
    token, venue = split_instrument(plan.instrument)
    if plan.decision == "no_trade":
        return "\n".join([f"No trade in {token} on {venue}.", *(f"- {_reason(r)}" for r in plan.reasons)])
    lines = [f"{_doing(plan)} ({ROUTES[plan.route or 'cross_venue']})."]
    instead = next((leg for leg in plan.otherwise if leg.action == "redeem"), None)
    for number, leg in enumerate(plan.legs, 1):
        lines.append(f"{number}. {_leg(leg, instead)}")
    if plan.otherwise:
        steps = " ".join(_leg(leg) for leg in plan.otherwise)
        lines.append(f"If the premium has gone by then, or a later step is refused: {steps}")
    lines.append(_profit(plan))
    if plan.break_even_price is not None:
        lines.append(f"It breaks even at {price_text(plan.break_even_price)} per token on {venue}.")
    if len(plan.outcomes) > 1:
        lines.append(_outcomes(plan))
    if plan.probability_of_loss is not None:
        lines.append(_losses(plan))
    lines.append(_worst(plan))
    if plan.hedge is not None:
        lead = "No hedge" if plan.hedge.kind == "none" else "Hedge"
        lines.append(f"{lead}: {plan.hedge.description}.")
        lines += [_other(other) for other in plan.hedge.others]
    lines.append(_locked(plan))
    lines += [f"Note: {_reason(reason)}" for reason in plan.reasons]
    lines.append(f"Void after {short(plan.expires)} UTC.")
    return "\n".join(lines)


def _doing(plan: Plan) -> str:
    token, venue = split_instrument(plan.instrument)
    selling = plan.route == "mint_and_sell" or (
        plan.route == "cross_venue"
        and any(x.action == "sell" and x.instrument == plan.instrument for x in plan.legs)
    )
    side = "Sell" if selling else "Buy"
    return f"{side} {_tokens(plan.quantity_tokens)} {token} on {venue} for {price_text(plan.size_usd)}"


def _other(other: HedgeNotChosen) -> str:
    """A hedge that was looked at, what it would have cost and lost, and why it is not the one."""
    figures = ""
    if other.cost_usd is not None and other.shortfall_usd is not None:
        if abs(other.cost_usd) >= NO_COST:
            figures = f", expected to cost {price_text(other.cost_usd)}"
        figures += f", {price_text(max(0.0, other.shortfall_usd))} lost with it in one case of 100"
    return f"Not chosen: {other.description}{figures}. {_reason(other.reason)}"


def _hedge(leg: Leg) -> str:
    """An order for options, perps or a perpetual option."""
    symbol, venue = split_instrument(leg.instrument)
    verb = "Buy" if leg.side == "buy" else "Sell"
    contract = occ.parse(symbol)
    number, unit, shares = f"{_tokens(leg.quantity_tokens)}", " each", 1
    if contract is not None:
        day = short(contract.expiry).partition(" ")[0]
        many = "s" if leg.quantity_tokens != 1 else ""
        what = f"{number} {contract.underlying} {day} {contract.strike:,.6g} {contract.kind}{many}"
        unit, shares = " a share", contract.shares
        each = f"{price_text(leg.price / shares)} a share"
    elif symbol.endswith("-PERP"):
        what, each = f"{number} {symbol}", f"{price_text(leg.price)}, the rest by funding"
    else:
        what, each = f"{number} {symbol} as a perp", price_text(leg.price)
    if leg.action == "unhedge":
        back = "back" if leg.side == "buy" else "again"
        return f"{verb} {what} {back} at {venue}, {price_text(leg.notional_usd)} in all at today's price."
    limit = "" if leg.limit_price is None else f", no worse than {price_text(leg.limit_price / shares)}{unit}"
    margin = f", with {price_text(leg.margin_usd)} of margin" if leg.margin_usd > 0 else ""
    return f"{verb} {what} at {venue} at {each}, {price_text(leg.notional_usd)} in all{limit}{margin}."


def _leg(leg: Leg, instead: Leg | None = None) -> str:
    """``instead`` of a sale tokens may be redeemed."""
    if leg.side is not None:
        return _hedge(leg)
    symbol, venue = split_instrument(leg.instrument)
    amount, by = f"{_tokens(leg.quantity_tokens)} {symbol}", f"with {venue}"
    if _converts(leg):
        by = f"by conversion at {venue.partition(':')[0]}"
    each, total = price_text(leg.price), price_text(leg.notional_usd)
    limit = ""
    if leg.limit_price is not None:
        limit = f", no worse than {price_text(leg.limit_price)}"
        if instead is not None and leg.action == "sell":
            limit += (
                f" whatever the share does; below what redeeming brings then ({price_text(instead.price)} "
            )
            limit += "today) they are redeemed instead"
    wait = f", in hand after {duration(leg.delay_seconds)}" if leg.delay_seconds else ""
    if leg.after_seconds:
        limit = f", after {duration(leg.after_seconds)}"
    match leg.action:
        case "transfer":
            return f"Move {amount} to {venue}{wait}."
        case "mint":
            return f"Mint {amount} {by} at {each}, {total} in all{limit}{wait}."
        case "redeem":
            cash = f", paid after {duration(leg.delay_seconds)}" if leg.delay_seconds else ""
            return f"Redeem {amount} {by} at {each}, {total} in all{limit}{cash}."
        case "hedge":
            return f"Sell {amount} short with the desk's broker at {venue}'s {each}, {total} in all{limit}."
        case "unhedge":
            return f"Buy {amount} back with the desk's broker, {total} in all at {venue}'s price of today."
        case _:
            return (
                f"{leg.action.capitalize()} {amount} on {venue} at {each} on average, {total} in all{limit}."
            )


def _converts(leg: Leg) -> bool:
    return leg.instrument.endswith(f":{CONVERT}")


def _profit(plan: Plan) -> str:
    paid = {name: usd for name, usd in plan.costs_usd.items() if name not in INCLUDED}
    inside = {name: usd for name, usd in plan.costs_usd.items() if name in INCLUDED}
    text = f"Expected profit {cents(plan.expected_profit_usd)}"
    if paid:
        text += f" after {_list(paid)}"
    if inside:
        text += f"; the prices above already hold {_list(inside)}"
    redeemed = sum(leg.fee_usd for leg in plan.otherwise if leg.action == "redeem")
    if redeemed > 0:
        text += f", and where the tokens are redeemed {_cents(redeemed)} for {COSTS['redeem_fee']}"
    if inside and plan.otherwise:
        text += ": each in full, while the expected profit counts it as often as it is paid"
    if any(_converts(leg) for leg in plan.legs):
        text = text.replace(COSTS["spread"], "the exchange's spread")
    return text + "."


def _worst(plan: Plan) -> str:
    """A stress, not one of the outcomes above: what can fail does, and the share moves against it as well."""
    if plan.worst_case_usd > -NO_COST:
        return f"{STRESS} nothing is lost."
    if -plan.worst_case_usd <= plan.costs_usd.get("gas", 0.0) + NO_COST:
        return f"{STRESS} no more than the gas of a trade that fails, {cents(plan.worst_case_usd)}."
    return f"{STRESS} {cents(plan.worst_case_usd)}."


def _outcomes(plan: Plan) -> str:
    first, *others = plan.outcomes
    does = f"brings {cents(first.usd)}" if first.usd > 0 else f"loses {cents(-first.usd)}"
    parts = [f"in {percent(one.probability)} {one.name} ({cents(one.usd)})" for one in others]
    text = f"Once begun, it goes {first.name} in {percent(first.probability)} of cases and {does}"
    return f"{'; '.join([text, *parts])}."


def _losses(plan: Plan) -> str:
    """What may be lost over the wait, nights, weekends and earnings included."""
    assert plan.probability_of_loss is not None
    at_95, at_99 = plan.shortfall_95_usd or 0.0, plan.shortfall_99_usd or 0.0
    text = f"It loses money in {percent(plan.probability_of_loss)} of cases"
    if plan.probability_of_loss < LEAST_SHOWN:
        text = "It hardly ever loses money"
    if at_95 > 0:
        return f"{text}: more than {cents(at_95)} in one of 20, more than {cents(at_99)} in one of 100."
    text += f"; in 19 of 20 it earns {cents(-at_95)} or more"
    return (
        f"{text}, in 99 of 100 {cents(-at_99)} or more."
        if at_99 <= 0
        else (f"{text}, and it loses more than {cents(at_99)} in one of 100.")
    )


def _locked(plan: Plan) -> str:
    if plan.capital_usd <= 0:
        return "It needs no capital, only the tokens."
    text = f"It needs {price_text(plan.capital_usd)}"
    again = sum(leg.delay_seconds for leg in plan.otherwise)
    over = ""
    if again > 0:
        first = sum(leg.delay_seconds for leg in plan.legs)
        waits = f" for {duration(first)}, and" if first > 0 else ""
        text += f"{waits} for {'another ' if first > 0 else ''}{duration(again)} if the tokens are redeemed"
        over = f": over {duration(plan.duration_seconds)} on average"
    elif plan.duration_seconds > 0:
        text += f" for {duration(plan.duration_seconds)}"
    if plan.annualised_return is not None:
        text += f"{over}, a return of {plan.annualised_return * 100:,.0f} % a year"
    return text + "."


def _list(items: dict[str, float]) -> str:
    parts = [f"{_cents(usd)} for {COSTS.get(name, name)}" for name, usd in items.items()]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _cents(usd: float) -> str:
    return f"${usd:,.2f}" if usd >= 0.005 else "less than a cent"


def _tokens(quantity: float) -> str:
    whole = quantity == round(quantity)
    return f"{quantity:,.{0 if whole else 2}f}" if quantity >= 100 else f"{quantity:.4g}"


def _reason(reason: str) -> str:
    """``rule: text`` as ``Text (rule).``"""
    rule, _, text = reason.partition(": ")
    if not text:
        return reason
    # A name like xStocks keeps its own spelling.
    first = text[0] if text[1:2].isupper() else text[0].upper()
    return f"{first}{text[1:]} ({rule})."
