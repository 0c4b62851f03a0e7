"""Where messages may go: judged by address after the look-up, whatever the name or the way it is written."""

from __future__ import annotations

import socket

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver

from proxy.alerting.egress import Egress, GuardedResolver, NotAllowed, Request, is_allowed_host, is_refused
from tests.alerting.messages import settings
from tests.alerting.receiver import flood, receiving, status


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "169.254.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1",
        "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "0.0.0.0", "::", "224.0.0.1",
    ],
)  # fmt: skip
def test_link_local_and_metadata_addresses_are_refused(address):
    assert is_refused(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "192.168.1.1", "8.8.8.8", "::1", "2001:db8::1"])
def test_others_are_not(address):
    assert not is_refused(address)


@pytest.mark.parametrize(
    ("host", "allowed", "is_allowed"),
    [
        ("any.example.org", ["*"], True),
        ("hooks.slack.com", ["hooks.slack.com"], True),
        ("HOOKS.slack.com.", ["hooks.slack.com"], True),
        ("hooks.slack.com.evil.org", ["hooks.slack.com"], False),
        ("a.b.example.org", ["*.example.org"], True),
        ("example.org", ["*.example.org"], False),
        ("badexample.org", ["*.example.org"], False),
        ("10.0.0.1", [], False),
    ],
)
def test_hosts_are_allowed_by_name(host, allowed, is_allowed):
    assert is_allowed_host(host, allowed) is is_allowed


class Rebinding(AbstractResolver):
    """A name server of an attacker: first an address that anybody may use, then one of a cloud's metadata."""

    def __init__(self, *answers):
        self.answers = list(answers)

    async def resolve(self, host, port=0, family=socket.AF_INET):
        addresses = self.answers.pop(0)
        return [
            {"hostname": host, "host": each, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
            for each in addresses
        ]

    async def close(self):
        pass


async def test_a_name_is_judged_by_the_addresses_that_are_connected_to(loop):
    async with receiving() as receiver, Egress(settings()) as egress:
        port = receiver.url.rpartition(":")[2]
        egress.resolver = GuardedResolver(["*"], Rebinding(["127.0.0.1"], ["127.0.0.1", "169.254.169.254"]))
        request = Request("POST", f"http://evil.example:{port}/", {"Connection": "close"}, b"{}")
        assert (await egress.send(request)).status == 200
        with pytest.raises(NotAllowed, match="has an address to which no messages may go"):
            await egress.send(request)
        assert len(receiver.got) == 1


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/latest", "http://[::ffff:a9fe:a9fe]/", "http://0.0.0.0:1/", "ftp://example.org/", "file:///etc/passwd"],
)  # fmt: skip
async def test_addresses_are_refused_without_a_look_up(loop, url):
    async with Egress(settings()) as egress:
        with pytest.raises(NotAllowed):
            await egress.send(Request("GET", url, {}, b""))


@pytest.mark.parametrize("url", ["http://2852039166/", "http://0xa9fea9fe/", "http://169.254.43518/"])
async def test_numbers_that_are_addresses_in_disguise_are_refused(loop, url):
    async with Egress(settings()) as egress:
        with pytest.raises((NotAllowed, aiohttp.ClientError)):
            await egress.send(Request("GET", url, {}, b""))


async def test_a_host_that_the_settings_do_not_name_is_refused(loop):
    async with receiving() as receiver, Egress(settings(allowed_hosts=("example.org",))) as egress:
        with pytest.raises(NotAllowed, match=r"host \[127.0.0.1\] is not among \[alerting.allowed_hosts\]"):
            await egress.send(Request("POST", receiver.url, {}, b""))
        with pytest.raises(NotAllowed):
            await egress.connected("127.0.0.1", 25)
        assert receiver.got == []


async def test_long_answers_are_cut_and_redirects_are_answers(loop):
    async with receiving() as receiver, Egress(settings()) as egress:
        receiver.behaviours += [flood(10_000_000), status(307, Location="http://169.254.169.254/")]
        assert len((await egress.send(Request("POST", receiver.url, {}, b""))).text) == 64 * 1024
        assert (await egress.send(Request("POST", receiver.url, {}, b""))).status == 307
