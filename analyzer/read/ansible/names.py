"""Names of modules and arguments as people write them, and the one documented name of each."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from analyzer.read.ansible.core import ansible

if TYPE_CHECKING:
    from collections.abc import Mapping

TASK_KEYWORDS = frozenset(
    "action always always_run any_errors_fatal args async become become_exe become_flags become_method become_user block "
    "changed_when check_mode collections connection debugger delay delegate_facts delegate_to diff environment "
    "failed_when first_available_file handlers ignore_errors ignore_unreachable listen local_action loop loop_control "
    "module_defaults name no_log notify poll port register remote_user rescue retries run_once su su_user sudo sudo_user "
    "tags throttle timeout until vars vars_files when".split()
)
"""Keys of a task that are not its module; `with_*` are the other ones."""

FREE_FORM = frozenset(
    "command shell script raw win_command win_shell include include_tasks import_tasks import_playbook include_vars meta "
    "add_host group_by include_role import_role set_fact win_script".split()
)
"""Modules whose text is not (only) k=v."""


def is_module_key(key: str) -> bool:
    """Whether a key of a task may name its module."""
    return key not in TASK_KEYWORDS and not key.startswith("with_")


@cache
def _builtin_modules() -> frozenset[str]:
    from importlib.resources import files

    names = {entry.name.removesuffix(".py") for entry in files("ansible.modules").iterdir()}
    return frozenset(names - {"__init__", "__pycache__"})


@cache
def _routing() -> str:
    """The `modules:` and `action:` parts of ansible-core's routing table, as text: it is 10,000 lines, one is wanted."""
    from importlib.resources import files

    return files("ansible.config").joinpath("ansible_builtin_runtime.yml").read_text(encoding="utf-8")


@cache
def resolve_module(written: str) -> str:
    """The fully qualified name: `ufw` -> `community.general.ufw`; a name nobody knows stays as written.

    Source: the routing table that ansible-core carries.
    """
    name = written.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")
    if "." in name:
        return _redirected(name) or name
    if name in _builtin_modules():
        return f"ansible.builtin.{name}"
    if name == "include":
        return "ansible.builtin.include"
    found = re.search(
        rf"^    {re.escape(name)}:\n(?:      (?!redirect).*\n(?:        .*\n)*)*?      redirect: (\S+)$",
        _routing(),
        re.MULTILINE,
    )
    if found:
        return resolve_module(found[1]) if found[1] != written else found[1]
    return f"ansible.builtin.{name}" if written.startswith(("ansible.builtin.", "ansible.legacy.")) else written


def _redirected(name: str) -> str:
    """Collections' own moves that matter for rules: content that several collections carry under one meaning."""
    return _MOVED.get(name, "")


_MOVED = {
    "community.general.mount": "ansible.posix.mount",
    "community.general.sysctl": "ansible.posix.sysctl",
    "community.general.postgresql_db": "community.postgresql.postgresql_db",
    "community.general.postgresql_user": "community.postgresql.postgresql_user",
    "community.general.docker_container": "community.docker.docker_container",
}


def split_arguments(module: str, written: Any) -> tuple[dict[str, Any], str | None]:
    """The arguments of a task as (mapping, free form or None); `written` is the value after the module's key.

    Raises ValueError with ansible-core's words where the k=v text cannot be split.
    """
    if written is None:
        return {}, None
    if isinstance(written, dict):
        arguments = dict(written)
        return arguments, None
    if not isinstance(written, str):
        return {}, str(written)
    short = module.rpartition(".")[2]
    free = short in FREE_FORM
    core = ansible()
    try:
        pairs = core.parse_kv(written, check_raw=short in ("command", "shell", "script", "raw"))
    except core.AnsibleError as error:
        raise ValueError(str(error)) from error
    raw = pairs.pop("_raw_params", None)
    if raw is not None and not free and not pairs:
        return {}, str(raw)
    return {str(key): _like(value, written) for key, value in pairs.items()}, None if raw is None else _like(
        raw, written
    )


def _like(value: Any, written: Any) -> Any:
    """`value` with the origin and the trust that the text had from which it was cut."""
    from ansible.module_utils._internal._datatag import AnsibleTagHelper

    return AnsibleTagHelper.tag_copy(written, value) if isinstance(value, str) else value


def documented_names(module: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`arguments` under the names of the module's documentation: `apt: pkg=x` -> `name`."""
    aliases = _aliases().get(module, {})
    return {aliases.get(key, key): value for key, value in arguments.items()}


@cache
def _aliases() -> Mapping[str, Mapping[str, str]]:
    return {module: dict(pair.split("=") for pair in text.split()) for module, text in _ALIASES.items()}


_ALIASES = {
    "amazon.aws.aws_s3": "aws_access_key=access_key aws_access_key_id=access_key aws_endpoint_url=endpoint_url aws_profile=profile aws_region=region aws_secret_access_key=secret_key aws_secret_key=secret_key aws_session_token=session_token expiration=expiry force=overwrite resource_tags=tags retry=retries rgw=ceph",
    "amazon.aws.ec2_tag": "aws_access_key=access_key aws_access_key_id=access_key aws_endpoint_url=endpoint_url aws_profile=profile aws_region=region aws_secret_access_key=secret_key aws_secret_key=secret_key aws_session_token=session_token",
    "ansible.builtin.add_host": "group=groups groupname=groups host=name hostname=name",
    "ansible.builtin.apt": "allow-downgrade=allow_downgrade allow-downgrades=allow_downgrade allow-unauthenticated=allow_unauthenticated allow_downgrades=allow_downgrade default-release=default_release install-recommends=install_recommends package=name pkg=name update-cache=update_cache",
    "ansible.builtin.apt_repository": "update-cache=update_cache",
    "ansible.builtin.assemble": "attr=attributes",
    "ansible.builtin.assert": "msg=fail_msg",
    "ansible.builtin.blockinfile": "attr=attributes content=block dest=path destfile=path name=path",
    "ansible.builtin.copy": "attr=attributes",
    "ansible.builtin.cron": "dom=day dow=weekday value=job",
    "ansible.builtin.debconf": "answer=value pkg=name selection=question setting=question",
    "ansible.builtin.dnf": "expire-cache=update_cache pkg=name",
    "ansible.builtin.file": "attr=attributes dest=path name=path",
    "ansible.builtin.find": "checksum=checksum_algorithm checksum_algo=checksum_algorithm exclude=excludes name=paths path=paths pattern=patterns",
    "ansible.builtin.get_url": "attr=attributes password=url_password username=url_username",
    "ansible.builtin.git": "gpg_whitelist=gpg_allowlist name=repo",
    "ansible.builtin.known_hosts": "host=name",
    "ansible.builtin.lineinfile": "attr=attributes dest=path destfile=path name=path regex=regexp value=line",
    "ansible.builtin.package": "package=name pkg=name",
    "ansible.builtin.replace": "attr=attributes dest=path destfile=path name=path",
    "ansible.builtin.service": "args=arguments",
    "ansible.builtin.slurp": "path=src",
    "ansible.builtin.stat": "attr=get_attributes attributes=get_attributes checksum=checksum_algorithm checksum_algo=checksum_algorithm dest=path mime=get_mime mime-type=get_mime mime_type=get_mime name=path",
    "ansible.builtin.systemd": "daemon-reexec=daemon_reexec daemon-reload=daemon_reload service=name unit=name",
    "ansible.builtin.systemd_service": "daemon-reexec=daemon_reexec daemon-reload=daemon_reload service=name unit=name",
    "ansible.builtin.template": "attr=attributes",
    "ansible.builtin.unarchive": "attr=attributes",
    "ansible.builtin.uri": "attr=attributes password=url_password user=url_username",
    "ansible.builtin.user": "createhome=create_home user=name",
    "ansible.builtin.yum_repository": "attr=attributes ca_cert=sslcacert client_cert=sslclientcert client_key=sslclientkey excludepkgs=exclude validate_certs=sslverify",
    "ansible.posix.acl": "name=path recurse=recursive",
    "ansible.posix.mount": "name=path",
    "ansible.posix.sysctl": "key=name val=value",
    "community.aws.ec2_elb": "aws_access_key=access_key aws_access_key_id=access_key aws_endpoint_url=endpoint_url aws_profile=profile aws_region=region aws_secret_access_key=secret_key aws_secret_key=secret_key aws_session_token=session_token",
    "community.crypto.openssl_privatekey": "attr=attributes",
    "community.docker.docker_container": "ca_cert=ca_path cacert_path=ca_path cert_path=client_cert docker_api_version=api_version docker_url=docker_host expose=exposed_ports exposed=exposed_ports forcekill=force_kill key_path=client_key log_opt=log_options ports=published_ports tls_ca_cert=ca_path tls_client_cert=client_cert tls_client_key=client_key tls_verify=validate_certs",
    "community.general.alternatives": "slaves=subcommands",
    "community.general.composer": "php_path=executable",
    "community.general.filesystem": "device=dev type=fstype",
    "community.general.gem": "source=repository",
    "community.general.ini_file": "attr=attributes dest=path",
    "community.general.pacman": "package=name pkg=name",
    "community.general.pkgng": "pkg=name",
    "community.general.ufw": "app=name dest=to_ip from=from_ip if=interface if_in=interface_in if_out=interface_out policy=default port=to_port protocol=proto src=from_ip to=to_ip",
    "community.libvirt.virt_pool": "pool=name",
    "community.mongodb.mongodb_user": "db=database pass=password tls=ssl tlsAllowInvalidCertificates=ssl_cert_reqs tlsCAFile=ssl_ca_certs tlsCertificateKeyFile=ssl_certfile tlsCertificateKeyFilePassword=ssl_pem_passphrase user=name",
    "community.mysql.mysql_db": "db=name ssl_ca=ca_cert ssl_cert=client_cert ssl_key=client_key",
    "community.mysql.mysql_user": "ssl_ca=ca_cert ssl_cert=client_cert ssl_key=client_key user=name",
    "community.postgresql.postgresql_db": "db=name host=login_host login=login_user port=login_port ssl_rootcert=ca_cert unix_socket=login_unix_socket",
    "community.postgresql.postgresql_ext": "db=login_db ext=name host=login_host login=login_user port=login_port ssl_rootcert=ca_cert unix_socket=login_unix_socket",
    "community.postgresql.postgresql_privs": "admin_option=grant_option database=login_db db=login_db host=login_host login=login_user obj=objs port=login_port priv=privs role=roles ssl_rootcert=ca_cert unix_socket=login_unix_socket",
    "community.postgresql.postgresql_query": "db=login_db host=login_host login=login_user port=login_port ssl_rootcert=ca_cert unix_socket=login_unix_socket",
    "community.postgresql.postgresql_user": "db=login_db fail_on_role=fail_on_user host=login_host login=login_user port=login_port ssl_rootcert=ca_cert unix_socket=login_unix_socket user=name",
    "community.rabbitmq.rabbitmq_plugin": "name=names",
    "community.rabbitmq.rabbitmq_user": "name=user username=user",
}
"""Module -> alias=documented name, from the modules' own argument specifications (ansible-core 2.19, collections of 2026)."""
