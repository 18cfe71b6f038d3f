"""Calls and answers of contracts as bytes, beside eth_abi; and what of an answer cannot be used."""

from __future__ import annotations

import pytest
from eth_abi import decode, encode
from hypothesis import given
from hypothesis import strategies as st

from bot.collectors.evm_abi import (
    Call,
    aggregated,
    answered,
    call,
    encoded,
    separated,
    signed,
    text,
    word,
)
from bot.errors import PoolError, SourceError

ADDRESS = "0x" + "ab" * 20
CALLS = st.lists(st.binary(min_size=4, max_size=100), max_size=12)


@given(CALLS)
def test_many_calls_become_one_as_eth_abi_encodes_them(datas: list[bytes]) -> None:
    made = aggregated(ADDRESS, [Call(ADDRESS, data) for data in datas])
    rows = [(ADDRESS, True, data) for data in datas]
    assert made.to == ADDRESS
    assert made.data[4:] == encode(["(address,bool,bytes)[]"], [rows])


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=100)), max_size=12))
def test_answers_are_taken_apart_as_eth_abi_put_them_together(rows: list[tuple[bool, bytes]]) -> None:
    raw = encode(["(bool,bytes)[]"], [rows])
    assert separated(raw, len(rows)) == [data if fine else None for fine, data in rows]


def test_what_is_no_answer_of_a_multicall_is_an_error_of_the_source() -> None:
    raw = encode(["(bool,bytes)[]"], [[(True, b"abc")]])
    for broken in (b"", b"\0" * 32, raw[:-32], raw):
        with pytest.raises(SourceError, match="Multicall3"):
            separated(broken, 2 if broken is raw else 1)


@given(st.integers(-(2**255), 2**255 - 1))
def test_a_signed_number_comes_back(value: int) -> None:
    assert signed(encoded(value), 0) == decode(["int256"], encoded(value))[0] == value


def test_arguments_are_numbers_addresses_and_words() -> None:
    made = call(ADDRESS, "f(address,int24,bytes32)", ADDRESS, -5, b"\x11" * 32)
    assert made.data[4:] == encode(["address", "int24", "bytes32"], [ADDRESS, -5, b"\x11" * 32])


@given(st.text(max_size=40))
def test_a_name_is_a_string_or_the_bytes_of_older_tokens(name: str) -> None:
    assert text(encode(["string"], [name])) == name
    short = name.encode()[:31]
    if short and b"\0" not in short and short.decode(errors="replace").encode() == short:
        assert text(short.ljust(32, b"\0")) == short.decode()


@pytest.mark.parametrize(
    "raw", [None, b"", b"\xff" * 32, encode(["string"], ["abc"])[:-32], encode(["bytes"], [b"\xff\xfe"])]
)
def test_what_is_no_name_is_none(raw: bytes | None) -> None:
    assert text(raw) is None


def test_an_answer_that_is_refused_missing_or_short_says_so() -> None:
    assert word(answered(encoded(7), 1, "fee"), 0) == 7
    for raw, words in [(None, "the contract refuses fee"), (b"", "no contract"), (b"\0" * 5, "gives no fee")]:
        with pytest.raises(PoolError, match=words):
            answered(raw, 1, "fee")
