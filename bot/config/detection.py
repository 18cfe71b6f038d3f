"""Fair value, and when a basis is a depeg."""

from __future__ import annotations

from pydantic import Field

from bot.config.section import PositiveSeconds, PositiveUsd, Ratio, Section


class ValuationSection(Section):
    """``[valuation]``: how fair value is estimated, and how fast certainty fades."""

    annual_volatility: float = Field(0.5, gt=0, lt=10, description="of a share the registry says nothing of")
    closed_variance_fraction: Ratio = Field(
        0.2, description="variance per hour while closed, against regular hours"
    )
    weekend_variance_fraction: Ratio = Field(
        0.025, description="variance per hour of weekends and holidays, against regular hours"
    )
    reference_max_age_seconds: PositiveSeconds = Field(
        900.0, description="in session, an older reference is stale"
    )
    venue_noise: float = Field(
        0.002,
        gt=0,
        lt=1,
        description="how far an honest token venue may stand off, as a standard deviation of the basis",
    )


class DetectorSection(Section):
    """``[detector]``: when a basis is a depeg."""

    sizes_usd: list[PositiveUsd] = Field(
        [50.0, 500.0, 5000.0],
        min_length=1,
        description="sizes for executable prices; the first is the primary one",
    )
    open_sigmas: float = Field(4.0, gt=0, description="standard deviations beyond the band to open")
    close_sigmas: float = Field(2.0, gt=0, description="and to be inside again (hysteresis)")
    spike_basis: float = Field(
        0.05, gt=0, description="a basis beyond the band by so much needs no second tick"
    )
    confirm_seconds: float = Field(
        300.0, ge=0, description="a smaller depeg must last so long before it opens"
    )
    resolve_seconds: float = Field(300.0, ge=0, description="inside for so long before an incident resolves")
    reopen_seconds: float = Field(
        3600.0, ge=0, description="back outside within so long: the same incident goes on"
    )
    basis_interval_seconds: PositiveSeconds = Field(
        1.0, description="at most one Basis message per instrument in so long"
    )
