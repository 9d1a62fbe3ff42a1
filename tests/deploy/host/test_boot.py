"""A host boots: its user data, as the template has it, in a Debian of its own under a systemd of its own.

Nothing in the machine knows of a test: AWS answers at its own names, over TLS with certificates that the machine
trusts; credentials come from the instance's metadata. Only Amazon's two agents are empty packages.
"""

import hashlib
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from deploy.local.aws.policy import AccessRequest, identity_policies_admit
from deploy.local.processes import wait_until
from deploy.local.state import REPOSITORY
from tests.deploy.host.booted import Host
from tests.deploy.host.cloud import INSTANCE
from tests.deploy.host.machine import why_no_machine
from tests.deploy.host.network import MACHINE
from tests.deploy.host.releases import RELEASES
from tests.deploy.host.template import STACK

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(why_no_machine() is not None, reason=f"no machine can be booted here: {why_no_machine()}"),
]

UNITS: Final = ("web", "live", "worker", "beat", "status")


def test_cloudformation_is_told_that_the_host_runs(host: Host) -> None:
    assert host.signals.told == [(STACK, "Hosts", INSTANCE, "SUCCESS")]


@pytest.mark.parametrize("unit", UNITS)
def test_every_unit_runs_as_a_user_without_rights(host: Host, unit: str) -> None:
    shown = host.machine.said("systemctl", "show", f"myapp-{unit}", "--property=ActiveState,MainPID,NRestarts")
    state = dict(line.split("=") for line in shown.splitlines())
    assert (state["ActiveState"], state["NRestarts"]) == ("active", "0"), host.log(unit)
    status = host.machine.said("cat", f"/proc/{state['MainPID']}/status")
    facts = dict(line.split(":\t", 1) for line in status.splitlines())
    assert facts["Uid"].split()[0] == host.machine.said("id", "-u", "myapp").strip()
    assert (facts["CapBnd"], facts["NoNewPrivs"], facts["Seccomp"]) == ("0" * 16, "1", "2")


def is_live(host: Host) -> tuple[int, str]:
    """Ask as the load balancer does for itself."""
    return host.ask("/health/live/", host=MACHINE, client=None)


def test_the_balancer_is_answered_whatever_name_it_uses(host: Host) -> None:
    assert is_live(host) == (200, '{"status": "ok"}')


def test_who_asks_through_the_balancer_does_not_get_in_the_way_of_its_own_question(host: Host) -> None:
    for client in ("203.0.113.9", "198.51.100.1, 203.0.113.9", "0, 203.0.113.9"):
        assert host.ask("/health/live/", client=client)[0] == 404
    host.machine.said("systemctl", "kill", "--signal=STOP", "myapp-live")  # nothing of this reaches it
    try:
        assert {host.ask("//health//live/")[0] for _ in range(70)} == {404}
    finally:
        host.machine.said("systemctl", "kill", "--signal=CONT", "myapp-live")
    assert is_live(host) == (200, '{"status": "ok"}')


def test_busy_pages_do_not_make_a_host_look_dead(host: Host) -> None:
    host.machine.said("systemctl", "kill", "--signal=STOP", "myapp-web")  # no thread of it answers any more
    try:
        assert is_live(host) == (200, '{"status": "ok"}')
    finally:
        host.machine.said("systemctl", "kill", "--signal=CONT", "myapp-web")
    assert host.ask("/accounts/login/")[0] == 200


def test_a_host_whose_pages_cant_start_is_taken_out_until_they_can(host: Host) -> None:
    broken = "/run/systemd/system/myapp-web.service.d/broken.conf"
    drop_in = f"mkdir -p $(dirname {broken}); printf '[Service]\\nExecStartPre=/bin/false\\n' >{broken}"
    host.machine.said("sh", "-c", f"{drop_in}; systemctl daemon-reload; systemctl kill myapp-web")
    assert wait_until(lambda: is_live(host)[0] in {502, 504}, 30), host.last_words()

    host.machine.said("sh", "-c", f"rm {broken}; systemctl daemon-reload")
    assert wait_until(lambda: is_live(host)[0] == 200, 60), host.last_words()


def test_the_health_check_reaches_the_database(host: Host) -> None:
    assert host.ask("/health/") == (200, '{"status": "ok"}')


def test_a_request_is_told_under_one_id_by_nginx_and_by_myapp(host: Host) -> None:
    assert host.ask("/nowhere-at-all/?secret=words")[0] == 404

    printed = (host.machine.said("cat", "/var/log/nginx/access.log"), host.log("web"))
    (nginx,), myapp = ([json.loads(line) for line in one.splitlines() if "nowhere-at-all" in line] for one in printed)
    assert {line["request_id"] for line in myapp} == {nginx["request_id"]}
    assert (nginx["status"], nginx["path"]) == ("404", "/nowhere-at-all/")
    assert not [one for one in printed if "secret" in one]


def test_the_login_page_comes_with_its_style(host: Host) -> None:
    status, page = host.ask("/accounts/login/")
    assert (status, "Log in" in page) == (200, True)
    assert host.ask("/static/myapp.css")[0] == 200
    assert host.ask("/static/admin/css/base.css")[0] == 200


def test_another_name_is_turned_away(host: Host) -> None:
    assert host.ask("/accounts/login/", host="evil.example")[0] == 421


def test_a_body_that_is_too_large_is_turned_away(host: Host) -> None:
    assert host.ask("/api/v1/query", method="POST", body=b"x" * 1_100_000)[0] == 413


def test_who_tries_many_passwords_is_held_up(host: Host) -> None:
    # What a client writes into the header itself comes before what the balancer adds.
    statuses = {host.ask("/admin/login/", client=f"198.51.100.{number}, 192.0.2.7")[0] for number in range(15)}
    assert statuses == {200, 429}
    assert host.ask("/admin/login/", client="192.0.2.8")[0] == 200


def test_secrets_lie_in_memory_for_their_reader_only(host: Host) -> None:
    owner = host.machine.said("stat", "--format=%U %a", "/run/myapp", "/run/myapp/environment")
    assert owner.split() == ["myapp", "700", "myapp", "600"]
    assert host.redis.password in host.machine.said("cat", "/run/myapp/environment")
    found = host.machine.run(["grep", "-rlF", host.redis.password, "/etc", "/opt/myapp", "/var/log", "/var/lib"])
    assert found.stdout == ""


def test_a_process_of_myapp_cant_change_its_code(host: Host) -> None:
    inside = ["nsenter", "--target", host.machine.said("pgrep", "-of", "gunicorn").strip(), "--mount", "--", "touch"]
    for path in ("/opt/myapp/current/manage.py", "/opt/myapp/current/venv/new", "/etc/new", "/var/log/myapp/new"):
        assert "Read-only file system" in host.machine.run([*inside, path]).stderr


def test_an_answer_of_the_warehouse_is_read(host: Host) -> None:
    host.client("sqs").send_message(QueueUrl=host.outputs["StatusQueueUrl"], MessageBody="no answer at all")
    assert wait_until(lambda: "is no use" in host.log("status"), 30), host.log("status")


def test_what_is_saved_is_published(host: Host) -> None:
    done = host.machine.run(["myapp-manage", "shell"], text=_SAVE)
    assert "saved" in done.stdout, done.stderr
    assert wait_until(lambda: _state(host) == "published", 60), (host.log("worker"), host.log("beat"))


_SAVE: Final = """
import datetime
from django.contrib.auth.models import User
from dataflows.models import DataFlow
from dataflows.services import data_flow_register
flow = DataFlow(
    property_id="123456789", display_name="Shop", time_zone="UTC", currency_code="EUR", connector_profile="ga4",
    reports=[{"slug": "daily_totals"}], start_date=datetime.date(2026, 1, 1), lookback_days=3, refresh_hour_local=4,
    on_invalid="drop_record",
)
data_flow_register(data_flow=flow, user=User.objects.create_user("olga"))
print("saved")
"""


def _state(host: Host) -> str:
    ask = "from dataflows.models import OutboxEvent; print('state', OutboxEvent.objects.get().state)"
    return host.machine.run(["myapp-manage", "shell"], text=ask).stdout.partition("state ")[2].strip()


def test_the_role_may_do_what_the_host_did(host: Host) -> None:
    iam, role = host.client("iam"), host.outputs["AppRoleArn"].rpartition("/")[2]
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    line = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
    assert {action for action, _ in host.asked} == {
        "s3:GetObject",
        "secretsmanager:GetSecretValue",
        "cloudformation:SignalResource",
        "events:PutEvents",
        "sqs:ReceiveMessage",
    }
    for action, resource in host.asked:
        request = AccessRequest(host.outputs["AppRoleArn"], action, resource)
        assert identity_policies_admit([*line, host.release.policy], request), (action, resource)


def test_the_log_agent_is_told_of_every_log(host: Host) -> None:
    assert "file:/etc/myapp/cloudwatch-agent.json" in host.machine.said("cat", "/var/log/agent-was-told")
    configuration = json.loads(host.machine.said("cat", "/etc/myapp/cloudwatch-agent.json"))
    files = configuration["logs"]["logs_collected"]["files"]["collect_list"]
    shipped = {Path(one["file_path"]).name for one in files}
    assert set(host.machine.said("ls", "/var/log/myapp").split()) <= shipped
    assert {one["log_group_name"] for one in files} == {"/myapp/hosts"}


def test_the_agent_counts_in_the_namespace_that_the_role_and_the_dashboard_name(host: Host) -> None:
    configuration = json.loads(host.machine.said("cat", "/etc/myapp/cloudwatch-agent.json"))
    namespace = configuration["metrics"]["namespace"]
    [may] = [one for one in host.release.policy["Statement"] if one.get("Sid") == "WriteItsMetrics"]
    shown = (REPOSITORY / "deploy/account1_app/monitoring.yaml").read_text()

    assert namespace == "myapp/hosts"
    assert may["Condition"] == {"StringEquals": {"cloudwatch:namespace": namespace}}
    assert '["${NamePrefix}/hosts", "mem_used_percent"' in shown


def test_logs_do_not_grow_for_ever(host: Host) -> None:
    assert "SystemMaxUse=500M" in host.machine.said("systemd-analyze", "cat-config", "systemd/journald.conf")
    host.machine.said("logrotate", "--force", "/etc/logrotate.d/myapp")

    assert "myapp-worker.log.1" in host.machine.said("ls", "/var/log/myapp")


def test_the_units_are_hardly_exposed(host: Host) -> None:
    for unit in (*UNITS, "settings", "migrate"):
        host.machine.said("systemd-analyze", "security", "--threshold=15", f"myapp-{unit}.service")


def test_a_second_installation_changes_nothing(host: Host) -> None:
    said = host.machine.said(f"/opt/myapp/releases/{host.release.version}/host/install.sh")
    assert said.strip().endswith(f"{host.release.version} runs")
    assert host.ask("/health/")[0] == 200


def test_another_release_than_asked_for_is_not_installed(host: Host) -> None:
    told = len(host.signals.told)
    changed = host.release.script.replace(host.release.version, "20260101000000-000000000000")
    host.client("s3").copy_object(
        Bucket=RELEASES,
        Key="releases/myapp-20260101000000-000000000000.tar.gz",
        CopySource=f"{RELEASES}/releases/myapp-{host.release.version}.tar.gz",
    )
    wrong = hashlib.sha256(b"").hexdigest()
    right = next(line.split()[1].strip('"') for line in changed.splitlines() if "sha256sum" in line)
    done = host.machine.run(["bash", "-s"], text=changed.replace(right, wrong))
    assert done.returncode != 0
    assert "did NOT match" in done.stderr
    assert host.signals.told[told:] == [(STACK, "Hosts", INSTANCE, "FAILURE")]


def test_an_agent_that_was_changed_is_not_installed(host: Host) -> None:
    found = host.client("s3").list_objects_v2(Bucket=RELEASES, Prefix="agents/amazon-ssm-agent-")["Contents"]
    place = {"Bucket": RELEASES, "Key": found[0]["Key"]}
    was = host.client("s3").get_object(**place)["Body"].read()
    host.machine.said("dpkg", "--purge", "amazon-ssm-agent")
    host.client("s3").put_object(**place, Body=b"something else")

    install = f"/opt/myapp/releases/{host.release.version}/host/install.sh"
    refused = host.machine.run([install])

    assert refused.returncode != 0
    assert "is not what its name says" in refused.stderr
    assert host.machine.run(["dpkg", "--status", "amazon-ssm-agent"]).returncode != 0
    host.client("s3").put_object(**place, Body=was)
    host.machine.said(install)


def test_a_host_that_boots_again_is_up_by_itself(host: Host) -> None:
    host.machine.stop()
    with ExitStack() as parts:
        host.boot(parts)
        assert wait_until(lambda: host.ask("/health/")[0] == 200, 60), host.last_words()
        for unit in UNITS:
            assert host.machine.said("systemctl", "is-active", f"myapp-{unit}").strip() == "active"
