"""What plans may cost, risk and lock up, hedges among it."""

from __future__ import annotations

from pydantic import Field

from bot.config.section import PositiveSeconds, PositiveUsd, Ratio, Section


class StrategySection(Section):
    """``[strategy]``: what plans may cost, risk and lock up."""

    enabled: bool = True
    capital_usd: PositiveUsd = 250_000.0
    max_plan_usd: PositiveUsd = 50_000.0
    max_underlying_usd: PositiveUsd = 100_000.0
    max_venue_usd: PositiveUsd = 100_000.0
    max_issuer_usd: PositiveUsd = Field(
        150_000.0, description="of one issuer's tokens that plans may buy or mint and not be rid of yet"
    )
    max_concentration: Ratio = Field(
        1.0,
        description="of capital_usd that may be in one share's tokens, those in hand included; "
        "1 sets no limit beside the capital",
    )
    max_open_settlement_usd: PositiveUsd = 150_000.0
    min_profit_usd: float = Field(5.0, ge=0)
    financing_rate: float = Field(0.06, ge=0, le=1, description="per year, on capital locked over settlement")
    gas_usd: float = Field(0.05, ge=0, description="per chain transaction, where the chain says nothing")
    risk_charge: Ratio = Field(0.1, description="part of the worst case that counts as a cost in sizing")
    expiry_seconds: PositiveSeconds = Field(60.0, description="a plan not acted on by then is void")
    inventory_tokens: dict[str, float] = Field(
        {},
        description="tokens held at the start, by token; TOKEN@VENUE for those on deposit with an exchange",
    )
    ineligible_issuers: list[str] = Field(
        [],
        description="issuers of the registry, and exchanges' conversions, whose mint and redeem this desk "
        "may not use",
    )
    ineligible_hedges: list[str] = Field(
        [], description="venues of the registry whose options and perps this desk may not trade"
    )
    hit_stale_books: bool = Field(
        False,
        description="plan with order books that have not followed the share, though nobody knows whether "
        "they are still there; paper fills them always, a venue may not",
    )
    borrow_rate: float = Field(0.005, ge=0, le=1, description="per year, for shares borrowed to sell short")
    hedge_level: float = Field(
        0.99, ge=0.9, lt=1, description="a hedge is chosen by what may be lost with it at this level"
    )
    hedge_shortfall: Ratio = Field(
        0.02, description="of what is hedged; the cheapest hedge that loses no more at that level is chosen"
    )
