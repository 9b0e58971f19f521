"""What a fresh cloud host carries although no role installs it: not worth a reviewer's time as drift.

Names only; gathered from the package priorities of Debian 11-13 and Ubuntu 22.04/24.04 cloud images, and from Amazon
Linux 2/2023 and RHEL 8/9 images. A name that is missing here costs one superfluous line in the list, no more.
"""

from __future__ import annotations

import re

BASE_PACKAGES = frozenset(
    """
    adduser apt apt-listchanges apt-utils base-files base-passwd bash bsdextrautils bsdutils ca-certificates coreutils
    cpio cron cron-daemon-common dash dbus debconf debconf-i18n debian-archive-keyring debianutils diffutils dmidecode
    dmsetup dpkg e2fsprogs ethtool fdisk file findutils gcc-12-base gcc-13-base gettext-base gpg gpgv grep groff-base
    gzip hostname ifupdown init init-system-helpers initramfs-tools initramfs-tools-core iproute2 iptables iputils-ping
    isc-dhcp-client isc-dhcp-common keyutils kmod less locales login login.defs logrotate logsave lsb-base lsb-release
    lsof mailcap man-db manpages mawk media-types mime-support mount nano ncurses-base ncurses-bin ncurses-term
    netbase netcat-openbsd netcat-traditional netplan.io nftables openssh-client openssh-server openssh-sftp-server
    openssl openssl-provider-legacy parted passwd pci.ids pciutils perl perl-base procps psmisc publicsuffix python3
    python3-minimal python-apt-common readline-common reportbug rsyslog runit-helper screen sed sensible-utils
    sqv ssl-cert sudo systemd systemd-resolved systemd-sysv systemd-timesyncd sysvinit-utils tar tasksel tasksel-data
    traceroute tzdata tzdata-legacy ubuntu-keyring ubuntu-minimal ubuntu-server ubuntu-standard ucf udev
    unattended-upgrades usrmerge util-linux util-linux-extra util-linux-locales uuid-runtime vim-common vim-tiny
    wamerican wget whiptail xauth xkb-data xxd xz-utils zlib1g zstd
    amazon-ec2-net-utils amazon-linux-extras amazon-linux-repo-s3 amazon-rpm-config amazon-ssm-agent audit authselect
    awscli awscli-2 awscli2 basesystem bind-utils chrony cloud-init cloud-guest-utils cloud-image-utils cloud-utils
    cloud-utils-growpart cloud-initramfs-growroot cronie cronie-anacron crontabs cryptsetup curl-minimal dhclient
    dnf dnf-plugins-core dracut dracut-config-generic ec2-hibinit-agent ec2-instance-connect ec2-net-utils ec2-utils
    efibootmgr filesystem firewalld glibc gnupg gnupg2 grub2 grubby hibagent hwdata irqbalance kernel kernel-core
    kernel-modules kernel-tools kexec-tools lsscsi microcode_ctl NetworkManager nfs-utils ntp
    openssh openssh-clients pam passwd policycoreutils rootfiles rpm rpm-build-libs rsync rtkit selinux-policy
    selinux-policy-targeted setup shadow-utils shim-x64 snapd strace sysstat system-release systemd-udev time tcpdump
    tcsh tuned update-motd vim-enhanced vim-minimal which yum yum-utils zip unzip bc dosfstools xfsprogs btrfs-progs
    acl amazon-ec2-utils python3-apt
    acpid acpid-sysvinit at ec2-ami-tools cloud-image-repair genisoimage libpam-systemd mdadm open-iscsi
    """.split()
)

_BASE_PATTERN = re.compile(
    r"linux-(image|headers|base|modules|aws|cloud|perf|virtual).*|grub.*|shim-.*|kernel-.*|firmware-.*|gpg-pubkey"
)

DEPENDENCY_SHAPED = re.compile(
    r"lib.*|.*-(common|data|doc|docs|libs|lib|perl|dbg|dbgsym|base|bin|minimal|filesystem|devel|dev|langpack-.*)"
    r"|(python3?|perl|ruby|php|node|golang|gir1\.2|fonts|task|language-pack|rubygem|nodejs|perl-.*)[-.].*|gcc-.*|cpp.*|g\+\+-.*"
)
"""Names that mostly come as somebody's dependency; only used where nothing says what was asked for."""

BASE_SERVICES = re.compile(
    r"acpid|amazon-ssm-agent|apparmor|apt-daily.*|atd|auditd|auto-cpufreq|autovt@|blk-availability|chrony|chronyd|chrony-wait"
    r"|cloud-.*|console-.*|container-getty@|cron|crond|cryptdisks.*|dbus.*|debug-shell|dhcpcd|dmesg|dm-event|dnf-.*|dpkg-db-backup"
    r"|dracut-.*|e2scrub.*|ec2.*|emergency|finalrd|fstrim|fwupd.*|getty.*|grub.*|gssproxy|hibinit-agent|hwclock.*|ifup@?.*"
    r"|initrd-.*|irqbalance|iscsid?|kdump|keyboard-setup|kmod.*|ldconfig|libstoragemgmt|logrotate|lvm2.*|man-db|mdadm.*"
    r"|mdcheck.*|mdmonitor.*|ModemManager|modprobe@|motd.*|multipathd?|netplan.*|network|networking|NetworkManager.*"
    r"|networkd-dispatcher|nfs-.*|nis-domainname|ntp|ntpd|ntpsec|open-iscsi|open-vm-tools|packagekit.*|pam_namespace|plymouth.*"
    r"|podman.*|policy-routes@.*|polkit|pollinate|procps|quotaon|rc-local|rescue|rngd|rpcbind|rsyslog|rtkit-daemon|runlevel.*"
    r"|screen-cleanup|secureboot-db|selinux-.*|serial-getty@.*|setvtrgb|snap.*|ssh|sshd|sshd-keygen.*|sshd@.*|ssh@.*|sudo"
    r"|sysstat.*|systemd-.*|time-sync|tuned|ua-.*|ubuntu-.*|udev.*|udisks2|unattended-upgrades|update-motd|update-notifier.*"
    r"|upower|user@.*|user-runtime-dir@.*|usb_modeswitch@.*|uuidd|vgauth|x11-common|xfs_scrub.*|rpc-.*|refresh-policy-routes@.*"
)
"""Units that a cloud image brings (without `.service`)."""

BASE_USERS = frozenset(
    {"admin", "centos", "cloud-user", "debian", "ec2-user", "fedora", "nobody", "rocky", "ssm-user", "ubuntu"}
)
"""Log-in accounts that cloud images make for their owner."""

BASE_LISTENERS = frozenset(
    """
    sshd systemd systemd-resolve systemd-resolved systemd-network systemd-networkd chronyd ntpd dhclient dhcpcd
    rpcbind rpc.statd systemd-timesyncd systemd-timesyn NetworkManager avahi-daemon init ssm-agent-worker
    amazon-ssm-agent
    """.split()
)

NEEDED = "If the application needs it, write it into a role and run again; if not, it stays behind with the host."

_PROPOSALS = (
    (r"certbot|python3-certbot.*|acme.*|letsencrypt.*", "A certificate of ACM on the load balancer takes its place."),
    (
        r"(amazon-cloudwatch|datadog|mackerel|td)-agent|zabbix-agent2?|telegraf|fluent.*|filebeat|.*exporter|munin-node",
        "An agent of the host: Container Insights or a sidecar takes its place where its figures are needed.",
    ),
    (r"vsftpd|proftpd.*|pure-ftpd", "Who sends files by FTP? AWS Transfer Family in front of S3 takes them."),
    (r"redis.*|valkey.*|memcached", "Amazon ElastiCache takes its place; ask which data in it must survive."),
    (r"mysql.*|mariadb.*|postgresql.*", "Amazon RDS takes its place; its data must be moved."),
    (r"rabbitmq-server|activemq", "Amazon MQ or SQS takes its place."),
    (r"elasticsearch|opensearch", "Amazon OpenSearch Service takes its place."),
    (r"postfix.*|exim4.*|sendmail.*", "Amazon SES or the existing relay takes its place."),
    (
        r"rsyslogd?|syslog-ng|journald|auditd",
        "Logs of the container go to stdout; the host's own log daemon stays behind.",
    ),
    (r"ufw|fail2ban|firewalld|denyhosts", "Security groups take its place."),
    (
        r"tmux|screen|vim.*|nano|htop|mc|tree|zsh|fish|ncdu|iotop|iftop|nmap|mtr.*|telnet|sysstat|dstat|emacs.*|bash-completion",
        "A person's tool: it stays behind with the host.",
    ),
)


def proposal_for(name: str) -> str:
    """What takes the place of a package or service, or the general advice."""
    return next((text for pattern, text in _PROPOSALS if re.fullmatch(pattern, name)), NEEDED)


PROGRAMS = {
    "master": "postfix",
    "smtpd": "postfix",
    "mariadbd": "mariadb-server",
    "mysqld": "mysql-server",
    "nrpe": "nagios-nrpe-server",
}
"""Program -> the package it belongs to, where the names differ."""

_ALIASES = (
    ("ssh", "sshd"),
    ("cron", "crond"),
    ("ntp", "ntpd", "ntpsec"),
    ("chrony", "chronyd"),
    ("mysql", "mysqld", "mariadb"),
    ("redis", "redis-server"),
    ("apache2", "httpd"),
    ("supervisor", "supervisord"),
    ("rsyslog", "syslog"),
    ("networking", "network", "NetworkManager"),
    ("dbus", "dbus-broker"),
    ("prometheus-node-exporter", "node_exporter", "node-exporter"),
    ("amazon-cloudwatch-agent", "cwagent"),
)
_CANONICAL = {name: group[0] for group in _ALIASES for name in group}


def is_base_package(name: str) -> bool:
    """Whether a cloud image brings the package."""
    return name in BASE_PACKAGES or _BASE_PATTERN.fullmatch(name) is not None


def service_name(unit: str) -> str:
    """A unit's name as drift compares it: without `.service`, instance and the distribution's own spelling."""
    name = unit.removesuffix(".service")
    template, at, _ = name.partition("@")
    return template if at else _CANONICAL.get(name, name)
