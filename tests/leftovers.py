"""Takes away whatever a test has left of jobs and everything around them."""

from urllib.parse import quote

from tests.http_client import HttpClient


def remove_all(client: HttpClient) -> None:
    for kind, key in (("datafeeds", "datafeed_id"), ("anomaly_detectors", "job_id"), ("calendars", "calendar_id")):
        for each in client.get(f"/_ml/{kind}").json()[kind.replace("anomaly_detectors", "jobs")]:
            force = {} if kind == "calendars" else {"force": "true"}
            client.delete(f"/_ml/{kind}/{each[key]}", query=force)
    for each in client.get("/_ml/filters").json()["filters"]:
        client.delete(f"/_ml/filters/{each['filter_id']}")
    for each in client.get("/api/alerting/rules/_find", query={"per_page": "10000"}).json()["data"]:
        client.delete(f"/api/alerting/rule/{quote(each['id'], safe='')}")
    for each in client.get("/api/actions/connectors").json():
        client.delete(f"/api/actions/connector/{quote(each['id'], safe='')}")
