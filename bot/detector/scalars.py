"""The detector's arithmetic as plain functions of numbers: one source for live engine and batch kernel.

Nothing here knows an object, a dictionary or an exception, and only ``exp``, ``log`` and ``sqrt`` are used,
so that the same functions run as they are in the engine and, compiled, over arrays, equal bit for bit. Times
are ``int`` nanoseconds (``…_ns``) or ``float`` seconds; prices and bases are logs; directions are +1 or −1,
0 for none. Names and the order of arguments are relied upon by :mod:`bot.kernel`: change both together.
"""

from __future__ import annotations

from math import log, sqrt

NOTHING = 0
"""Inside, or not far enough outside to count."""
PENDING = 1
"""Outside, and not for long enough yet."""
AT_ONCE = 2
"""An incident opens on this very price: a jump, or far outside."""
LASTED = 3
"""An incident opens because the price has stayed outside."""
OUTSIDE = 4
"""In an incident, and still outside."""
INSIDE = 5
"""In an incident, and back inside by the closing threshold."""


def channel_cost(
    fee_ratio: float,
    spread_ratio: float,
    gas_usd: float,
    size_usd: float,
    minimum_usd: float,
    financing_rate: float,
    calendar_days: float,
    hedge_ratio: float,
) -> float:
    """Cost of one mint or redeem as a ratio of what is moved: the larger of ``size_usd`` and the minimum."""
    gas = gas_usd / max(size_usd, minimum_usd, 1.0)
    return fee_ratio + spread_ratio + gas + financing_rate * calendar_days / 365.0 + hedge_ratio


def band_bounds(mint_cost: float, redeem_cost: float, venue_fee: float) -> tuple[float, float]:
    """The band's (low, high) as log ratios, from what minting and redeeming cost."""
    return -log(1.0 + redeem_cost + venue_fee), log(1.0 + mint_cost + venue_fee)


def beyond(
    log_bid: float, log_ask: float, log_fair: float, low: float, high: float
) -> tuple[float, int, float]:
    """(excess, direction, basis): how far the executable price lies beyond the band, and on which side.

    Above, what counts is what a seller gets (``log_bid``), below, what a buyer pays. A negative excess is
    inside.
    """
    above, below = log_bid - log_fair, log_ask - log_fair
    over, under = above - high, low - below
    if over > under:
        return over, 1, above
    return under, -1, below


def sigmas_beyond(excess: float, variance: float, noise_var: float) -> float:
    """The excess in standard deviations of fair value and of an honest venue's own noise."""
    return excess / sqrt(variance + noise_var)


def cusum_step(total: float, sigmas: float, drift: float, seconds: float, cap_seconds: float) -> float:
    """One-sided cumulative sum of standardised excess, in sigma-seconds; never below nothing.

    ``seconds`` since the last price count up to ``cap_seconds``: a venue that was silent proves little.
    """
    stepped = total + (sigmas - drift) * min(max(seconds, 0.0), cap_seconds)
    return stepped if stepped > 0.0 else 0.0


def lasting_step(side: int, count: int, since_ns: int, direction: int, ts: int) -> tuple[int, int, int]:
    """(side, count, since): one more price outside in ``direction``; a change of side starts anew."""
    if count == 0 or side != direction:
        return direction, 1, ts
    return side, count + 1, since_ns


def weight(seconds: float, tau_seconds: float) -> float:
    """Of a new value in an average that forgets in ``tau_seconds``, after so many seconds: 0 to 1."""
    return seconds / (seconds + tau_seconds)


def average_step(average: float, value: float, share: float) -> float:
    """An average moved towards a value by ``share`` (:func:`weight`, or 1/n for the first n)."""
    return average + share * (value - average)


def scale_step(scale: float, move: float, share: float, floor: float) -> float:
    """The usual size of a venue's moves: an average of absolute moves, where one counts for four at most.

    Robust: a single jump of any size moves it by no more than ``4 × share``.
    """
    size = move if move > 0.0 else -move
    limit = 4.0 * (scale if scale > floor else floor)
    return scale + share * ((size if size < limit else limit) - scale)


def noise_step(noise_var: float, deviation: float, share: float, least: float, most: float) -> float:
    """Variance of an honest venue's own basis; a deviation counts for three standard deviations at most.

    Kept between ``least`` and ``most``, so that a venue that is off for long does not make itself honest.
    """
    square, limit = deviation * deviation, 9.0 * noise_var
    stepped = noise_var + share * ((square if square < limit else limit) - noise_var)
    if stepped < least:
        return least
    return stepped if stepped < most else most


def jump_score(move: float, scale: float, floor: float) -> float:
    """A move in units of the venue's usual ones; ``floor`` is the least that counts as usual. Signed."""
    return move / (scale if scale > floor else floor)


def came_back(before: float, extreme: float, now: float) -> float:
    """How much of an excursion from ``before`` to ``extreme`` has been taken back by ``now``: 1 is all."""
    out = extreme - before
    return (extreme - now) / out if out != 0.0 else 0.0


def decide(
    excess: float,
    sigmas: float,
    direction: int,
    jump: float,
    confirmed: bool,
    fair_moved: bool,
    side: int,
    count: int,
    lasting_ns: int,
    cusum: float,
    open_sigmas: float,
    spike_sigmas: float,
    spike_basis: float,
    jump_basis: float,
    jump_scales: float,
    lone_spike: float,
    confirm_ticks: int,
    confirm_ns: int,
    cusum_open: float,
) -> int:
    """What one price of a venue without an incident means: NOTHING, PENDING, AT_ONCE or LASTED.

    ``jump``: :func:`jump_score` of this venue's own last move. ``confirmed``: something else than this
    venue says where fair value is. ``fair_moved``: it was fair value that went away, so that this venue gets
    time to follow. ``side``, ``count``, ``lasting_ns``: on which side it has been by
    ``open_sigmas``, for how many prices, this one counted, and how long (:func:`lasting_step`). ``cusum``:
    :func:`cusum_step`. Thresholds as in ``[detector]``.
    """
    if sigmas >= spike_sigmas and not fair_moved:
        if excess >= (spike_basis if confirmed else lone_spike):
            return AT_ONCE
        if confirmed and excess >= jump_basis and jump * direction >= jump_scales:
            return AT_ONCE
    if not confirmed:
        return PENDING if sigmas >= open_sigmas else NOTHING
    if sigmas >= open_sigmas:
        lasted = side == direction and count >= confirm_ticks and lasting_ns >= confirm_ns
        return LASTED if lasted or cusum >= cusum_open else PENDING
    return LASTED if cusum >= cusum_open else NOTHING


def follow(incident_direction: int, direction: int, sigmas: float, close_sigmas: float) -> int:
    """What one price of a venue in an incident means: INSIDE or OUTSIDE (hysteresis)."""
    if direction != incident_direction or sigmas < close_sigmas:
        return INSIDE
    return OUTSIDE
