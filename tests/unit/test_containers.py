"""Dockerfile and compose.yaml, read closely: no Docker engine is needed to see that they fit together."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot import kill
from bot.config import load
from tests.fixtures.prometheus import ROOT

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (word, rest), comments gone and continued lines joined."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / "Dockerfile").read_text())
    text = re.sub(r"\\\n\s*", " ", text)
    return [
        (word, rest) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line.strip())
    ]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for word, rest in instructions():
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest.strip()))
    return found


def value(stage: list[tuple[str, str]], word: str) -> str:
    (rest,) = [rest for given, rest in stage if given == word]
    return rest


def copied_from_the_checkout() -> list[str]:
    copies = [shlex.split(rest) for word, rest in instructions() if word == "COPY"]
    return [source for words in copies if not words[0].startswith("--from") for source in words[:-1]]


def kept_by_dockerignore(path: str) -> bool:
    """Docker's rule: the last matching line decides; a line for a folder covers what is in it."""
    kept = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.lstrip("!").rstrip("/").removeprefix("**/")
        parts = [path, *map(str, Path(path).parents)] if pattern != "*" else [path]
        if line and not line.startswith("#") and any(fnmatch.fnmatch(p, pattern) for p in parts):
            kept = line.startswith("!")
    return kept


def test_images_are_pinned_to_a_version() -> None:
    images = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    images += [service["image"] for service in SERVICES.values()]
    for image in images:
        assert re.search(r":v?\d+\.\d+(\.\d+)?", image), f"{image} may change under us"


def test_every_file_that_is_copied_exists_and_is_sent_to_the_build() -> None:
    for source in copied_from_the_checkout():
        path = ROOT / source
        assert path.exists(), source
        inside = next(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else path
        assert kept_by_dockerignore(str(inside.relative_to(ROOT))), source


@pytest.mark.parametrize(
    "path", [".env", "var/pegbot.db", ".git/config", "tests/conftest.py", "bot/x.db-wal"]
)
def test_nothing_local_slips_into_the_image(path: str) -> None:
    assert not kept_by_dockerignore(path)


def test_the_locks_that_can_be_chosen_exist_and_hold_hashes_of_everything() -> None:
    lock = value(stages()[0], "ARG").partition("=")[2]
    for name in (lock, "run"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text()
        pins = re.findall(r"(?m)^[a-zA-Z0-9_.\[\]-]+==[^\n]*\\\n((?:\s+--hash=\S+(?: \\)?\n)+)", text)
        assert len(pins) == len(re.findall(r"(?m)^\S+==", text))
        assert re.search(r"(?m)^hatchling==", text), "the wheel is built with what the lock holds"
    assert "--require-hashes" in "".join(rest for word, rest in stages()[0] if word == "RUN")


def test_the_build_stays_behind_and_the_user_is_not_root() -> None:
    build, final = stages()
    assert build[0][1].endswith(" AS build")
    assert [rest for word, rest in final if word == "COPY" and "--from=build" in rest] == [
        "--from=build /opt/pegbot /opt/pegbot"
    ]
    user = value(final, "USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), "a number, or Kubernetes cannot see that it is not root"
    assert f"--uid {user.split(':')[0]}" in value(final, "RUN")


def test_it_stops_on_sigterm_and_pegbot_itself_gets_the_signal() -> None:
    final = stages()[1]
    assert value(final, "STOPSIGNAL") == "SIGTERM"
    assert json.loads(value(final, "ENTRYPOINT")) == ["pegbot"], "a shell in between would swallow it"


def test_the_health_check_asks_healthz_on_the_port_of_the_config() -> None:
    final = stages()[1]
    port = load(ROOT / "config" / "docker.toml").web.port
    command = json.loads(value(final, "HEALTHCHECK").split("CMD ", 1)[1])
    assert f"http://127.0.0.1:{port}/healthz" in command[-1]
    compile(command[-1], "HEALTHCHECK", "exec")
    assert value(final, "EXPOSE") == str(port)


def test_the_config_of_the_image_is_where_it_looks_for_it() -> None:
    final = stages()[1]
    config = re.search(r"PEGBOT_CONFIG=(\S+)", value(final, "ENV"))
    assert config
    assert Path(config[1]).parent == Path("/etc/pegbot")
    assert (ROOT / "config" / Path(config[1]).name).exists()
    assert ("COPY", "config/ /etc/pegbot/") in final


def test_the_config_for_containers_loads_and_fits_compose() -> None:
    config = load(ROOT / "config" / "docker.toml")
    assert config.web.host == "0.0.0.0"
    assert config.mqtt.enabled
    assert config.mqtt.host in SERVICES
    assert config.log.format == "json"
    assert config.ledger.url == "sqlite+aiosqlite:////var/lib/pegbot/pegbot.db"
    assert kill.path(config).parent == Path("/var/lib/pegbot")  # where the user may write
    for tape in config.collectors.tape:
        assert config.path(tape.path).exists(), f"{tape.path}: make it with `make demo`"


def test_every_service_is_hardened_watched_and_keeps_its_data() -> None:
    for name, service in SERVICES.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == "unless-stopped", name
        assert "healthcheck" in service or "build" in service, name
        volumes = {v.split(":")[0] for v in service["volumes"]}
        assert volumes & set(COMPOSE["volumes"]), f"{name} would forget everything"


def test_every_mounted_file_exists_and_cannot_be_written() -> None:
    for name, service in SERVICES.items():
        for volume in service["volumes"]:
            source, _, rest = volume.partition(":")
            if source.startswith("."):
                assert (ROOT / source).exists(), f"{name}: {source}"
                assert rest.endswith(":ro"), f"{name}: {source}"
            else:
                assert source in COMPOSE["volumes"], f"{name}: {source}"


def test_ports_are_published_on_this_machine_only_and_once() -> None:
    ports = [port for service in SERVICES.values() for port in service["ports"]]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert len({port.split(":")[1] for port in ports}) == len(ports)


def test_services_wait_only_for_services_that_say_when_they_are_well() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}, name
            assert "healthcheck" in SERVICES[other], f"{name} waits for {other}"


def test_prometheus_and_alertmanager_find_each_other_and_pegbot_by_service_name() -> None:
    prometheus = yaml.safe_load((ROOT / "dashboards" / "prometheus" / "prometheus.yml").read_text())
    targets = {t for job in prometheus["scrape_configs"] for s in job["static_configs"] for t in s["targets"]}
    targets |= {
        t for a in prometheus["alerting"]["alertmanagers"] for s in a["static_configs"] for t in s["targets"]
    }
    for target in targets - {"localhost:9090"}:
        host, _, port = target.partition(":")
        assert f"127.0.0.1:{port}:{port}" in SERVICES[host]["ports"], target


def test_the_image_of_compose_carries_the_version_of_the_package() -> None:
    from bot import __version__

    assert SERVICES["pegbot"]["image"] == f"pegbot:{__version__}"


def test_the_wheel_carries_the_default_configuration() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"] == {
        "config": "bot/embedded"
    }
