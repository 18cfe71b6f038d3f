"""Writes docs/configuration.md from the schema: every key, its type, default, bounds and meaning.

``python -m bot.reference > docs/configuration.md``; a test compares the file with this output.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic.fields import FieldInfo

from bot.config import Config, Section

INTRODUCTION = """# Configuration

One TOML file; `pegbot check FILE` says all its mistakes at once. Without one, `pegbot run` takes the
embedded demo. Every key has a default, so a file holds only what differs. Paths are relative to the
file; runtime state (`var/`) is relative to where pegbot is started.

Secrets are written `env:NAME` (an environment variable) or `file:PATH`, never as the value itself.
No number is larger than 1e12.

Tokens, venues and pools are not here but in the files that `registry` names: see
[the registry](#the-registry) below.

This page is written from the schema by `make docs`.
"""

REGISTRY = """
## The registry

What exists, in TOML files of `[[chains]]`, `[[issuers]]`, `[[conversions]]`, `[[underlyings]]`,
`[[tokens]]`, `[[venues]]`, `[[pools]]`, `[[factories]]` and `[[feeds]]` tables; the shipped ones are in
`config/registry/`. Add files of your own to `registry`. A token is pinned by chain and address, never by
its symbol. To watch another pool:

```toml
[[pools]]
instrument = "TSLAx@uniswap:0x1a2b3c4d"   # TOKEN@venue:start-of-address
chain = "ethereum"
address = "0x…"
amm = "uniswap_v3"
fee_pips = 3000                          # millionths
token_address = "0x8ad3c73f833d3f9a523ab01476625f269aeb7cf0"
token_decimals = 18
quote_address = "0x…"
quote_symbol = "USDC"
quote_decimals = 6
quote_usd = 1.0                          # what one of it is taken to be worth
```

A venue has `hours` (`24/7`, `24/5`, `extended`, `regular`; single tokens in `hours_of`): silent out of them
it is closed, not stale. Its `quote` is the currency its prices are in: a dollar coin counts at par, one
that is `floating` (`EUR`) is turned into dollars by its own references (`EUR@kraken`), and without one
heard within the hour its prices are set aside (`no_rate`). For Kraken's market in euros: a venue of its
own, `name = "kraken_eur"`, `quote = "EUR"`, and `venue = "kraken_eur"` in the source.

A chain's `gas_usd` is what a swap costs there at `gas_token_usd` a gas token; live, it follows the price of
`gas_token` (`ETH@kraken`) and, where a collector tells it, the gas price, for a swap of `gas_units`.

An issuer's `mint` and `redeem` channels are what the band comes from: `available`, `open_to`, `hours`
(`24/7`, `24/5`, `regular`, `none`), `fee_ratio`, `spread_ratio`, `minimum_usd`, `maximum_usd`,
`settlement_days`, `gas_usd`, `gaps`, `late`, and `source` and `note`. What kind of system an issuer is,
what else it has, and where every number is from, in its `terms`: [mechanisms](mechanisms.md). Terms that
are `assumed` are nobody's published terms: put your own agreement's there.
"""


def _type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0])
    if str(origin) == "typing.Literal":
        return " \\| ".join(f'`"{value}"`' for value in arguments)
    if origin is list:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"table of {_type(arguments[1])}"
    return {"str": "text", "int": "integer", "float": "number", "bool": "true/false"}.get(
        getattr(annotation, "__name__", str(annotation)), getattr(annotation, "__name__", str(annotation))
    )


def _bounds(field: FieldInfo) -> str:
    parts = []
    for rule in field.metadata:
        match rule:
            case Ge():
                parts.append(f"≥ {rule.ge}")
            case Gt():
                parts.append(f"> {rule.gt}")
            case Le():
                parts.append(f"≤ {rule.le}")
            case Lt():
                parts.append(f"< {rule.lt}")
            case MinLen():
                parts.append("not empty" if field.annotation is str else f"at least {rule.min_length}")
            case _:
                pass
    return ", ".join(parts)


def _rows(section: type[Section]) -> list[str]:
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for name, field in section.model_fields.items():
        if _section_of(field) is not None or name == "base":
            continue
        default = "required" if field.is_required() else f"`{json.dumps(field.default)}`"
        bounds = _bounds(field)
        meaning = "; ".join(part for part in (field.description or "", bounds) if part)
        rows.append(f"| `{name}` | {_type(field.annotation)} | {default} | {meaning} |")
    return rows


def _section_of(field: FieldInfo) -> tuple[type[Section], bool] | None:
    """The section a field holds, and whether it is a list of them."""
    annotation = field.annotation
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation, False
    inner = get_args(annotation)[0] if get_origin(annotation) is list else None
    return (inner, True) if isinstance(inner, type) and issubclass(inner, Section) else None


def _write(section: type[Section], title: str, out: list[str]) -> None:
    first_line = (section.__doc__ or "").strip().splitlines()[0].rpartition("``: ")[2]
    out += ["", f"## {title}", "", first_line[0].upper() + first_line[1:], ""]
    rows = _rows(section)
    if len(rows) > 2:
        out += rows
    for name, field in section.model_fields.items():
        inner = _section_of(field)
        if inner is not None:
            nested = title.strip("`[]")
            path = name if section is Config else f"{nested}.{name}"
            _write(inner[0], f"`[[{path}]]`" if inner[1] else f"`[{path}]`", out)


def render() -> str:
    """The whole page."""
    out = [INTRODUCTION.rstrip()]
    _write(Config, "Top level", out)
    return "\n".join(out) + "\n" + REGISTRY


if __name__ == "__main__":
    sys.stdout.write(render())
