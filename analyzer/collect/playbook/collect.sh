# What `migrate-analyze collect` runs on a host, read by /bin/sh. It only reads: it writes no file, not even a temporary
# one, and starts nothing that does. Arguments, set by the playbook before this text: STEP DAYS [ITEM].
# Everything goes to stdout as records between lines that begin with MA1: contents gzipped where possible and in base64,
# names in octal digits, three a byte.

PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LC_ALL=C
LANG=C
export PATH LC_ALL LANG
step=$1
days=${2:-14}
item=$3
file_max=1048576      # bytes of a file
output_max=16777216   # bytes of what a command prints
log_max=67108864      # bytes of cron's own lines in one log
config_max=262144     # bytes of a configuration file
config_many=400       # configuration files

has() { command -v "$1" >/dev/null 2>&1; }

if has base64 && has gzip; then
  coding=gzip
  pack() { gzip -c | base64; }
elif has base64; then
  coding=plain
  pack() { base64; }
else
  coding=hex
  pack() { od -An -v -tx1; }
fi
name() { printf '%s' "$1" | od -An -v -to1 | tr -d ' \n'; }
note() { printf 'MA1 note %s %s\n' "$1" "$(name "$2")"; }
bounded() { if has timeout; then timeout "$@"; else shift; "$@"; fi; }
gently() { if has nice; then nice -n 19 "$@"; else "$@"; fi; }

# file PATH [BYTES]: a file's content; links are followed, what is no regular file is left alone
file() {
  [ -f "$1" ] || return 0
  if [ ! -r "$1" ]; then note unreadable "$1"; return 0; fi
  size=$(wc -c <"$1" | tr -d ' ')
  printf 'MA1 begin file %s %s\n' "$(name "$1")" "$coding"
  head -c "${2:-$file_max}" <"$1" | pack
  [ "$size" -le "${2:-$file_max}" ] && cut=0 || cut=1
  printf 'MA1 end %s\n' "$cut"
}

# files FOLDER: the files that lie in a folder, those with a leading dot too
files() {
  [ -d "$1" ] || return 0
  if [ ! -r "$1" ] || [ ! -x "$1" ]; then note unreadable "$1"; return 0; fi
  for one in "$1"/* "$1"/.[!.]*; do file "$one"; done
}

# run NAME COMMAND...: what a command prints, and its status
run() {
  label=$1
  shift
  if ! has "$1"; then note absent "$label"; return 0; fi
  printf 'MA1 begin cmd %s %s\n' "$(name "$label")" "$coding"
  { bounded 300 "$@" 2>/dev/null </dev/null; printf '\nMA1-STATUS %s' "$?"; } | head -c "$output_max" | pack
  printf 'MA1 end 0\n'
}

cron_lines() { grep -aE '(CROND?|crond?|anacron)\[[0-9]+\]'; }
unpacked() {
  case $1 in
    *.gz) gzip -dc <"$1" ;;
    *.xz) xz -dc <"$1" ;;
    *.bz2) bzip2 -dc <"$1" ;;
    *.zst) zstd -dcq <"$1" ;;
    *) cat <"$1" ;;
  esac 2>/dev/null
}
changed_within() { find "$1" -prune -type f -size +0c -mtime "-$((days + 1))" 2>/dev/null; }
logs() {
  for one in /var/log/syslog* /var/log/cron* /var/log/auth.log* /var/log/secure* /var/log/messages*; do
    changed_within "$one"
  done
}
listed() { printf 'MA1 item %s:%s:%s\n' "$1" "$(find "$2" -prune -printf '%s.%T@' 2>/dev/null || wc -c <"$2" | tr -d ' ')" "$(name "$2")"; }

# files below /etc that no package brought, and those of a package that were changed
not_configuration() {
  case $1 in
    /etc/*shadow* | /etc/passwd* | /etc/group* | /etc/subuid* | /etc/subgid* | /etc/security/opasswd | /etc/.pwd.lock) return 0 ;;
    /etc/ssh/ssh_host_* | /etc/ssl/private/* | /etc/ssl/certs/* | /etc/pki/* | /etc/letsencrypt/* | /etc/ca-certificates*) return 0 ;;
    *.key | *.pem | *.p12 | *.pfx | *.jks | *.kdbx | *.keytab | *.gpg | *.asc | *.crt | *.cer | *.der | */.htpasswd*) return 0 ;;
    */.ssh/* | */.gnupg/* | */.aws/* | */.git/* | *.db | *.cache | *.bin | *.swp | *~ | *.dpkg-* | *.rpmnew | *.rpmsave) return 0 ;;
    /etc/machine-id | /etc/mtab | /etc/resolv.conf | /etc/hostname | /etc/hosts | /etc/fstab) return 0 ;;
    /etc/mailname | /etc/adjtime | /etc/localtime | /etc/timezone | /etc/alternatives/*) return 0 ;;
    /etc/apparmor.d/* | /etc/selinux/* | /etc/lvm/* | /etc/kernel/* | /etc/default/locale) return 0 ;;
    /etc/cron* | /etc/anacrontab | /etc/rc?.d/* | /etc/apt/trusted.gpg* | /etc/apt/apt.conf.d/*) return 0 ;;
    /etc/shells | /etc/environment | /etc/pam.d/common-* | /etc/hosts.allow | /etc/hosts.deny | /etc/apt/sources.list) return 0 ;;
    /etc/python3*/* | /etc/console-setup/* | /etc/default/keyboard | /etc/default/console-setup | /etc/magic*) return 0 ;;
    /etc/modules | /etc/network/interfaces* | /etc/netplan/* | /etc/xattr.conf | /etc/vconsole.conf | /etc/sensors*) return 0 ;;
    /etc/systemd/system/*.service | /etc/systemd/system/*.timer | /etc/systemd/system/*.service.d/*) return 0 ;;
    /etc/default/cron | /etc/default/anacron | /etc/sysconfig/crond | /etc/sysconfig/clock | /etc/os-release) return 0 ;;
    /etc/systemd/system/*.wants/* | /etc/systemd/system/*.requires/* | /etc/cloud/* | /etc/dpkg/*) return 0 ;;
  esac
  return 1
}
# files that a package's script made, with ucf or from its own share, and nobody changed since
untouched() {
  for one_share in /usr/share/base-files /usr/share/libc-bin /usr/share/readline; do
    if cmp -s "$1" "$one_share/${1##*/}"; then return 0; fi
  done
  [ -r /var/lib/ucf/hashfile ] && has md5sum || return 1
  sum=$(md5sum <"$1" 2>/dev/null | cut -d ' ' -f 1)
  [ -n "$sum" ] && grep -qxF "$sum  $1" /var/lib/ucf/hashfile
}
owned_by_packages() {
  if has dpkg-query; then
    cat /var/lib/dpkg/info/*.list /var/lib/dpkg/info/*.conffiles 2>/dev/null
  elif has rpm; then
    rpm -qal 2>/dev/null
  fi
}
unowned() {
  { owned_by_packages; echo 'MA1-FOUND'; find /etc -xdev -type f -size "-$((config_max / 512))" 2>/dev/null; } |
    awk '/^MA1-FOUND$/ { found = 1; next } !found { owned[$0] = 1; next } !($0 in owned)'
}
case $step in
  base)
    printf 'MA1 user %s\n' "$(id -u)"
    if [ ! -e /etc/os-release ]; then file /usr/lib/os-release; fi
    for one in /etc/os-release /etc/timezone /etc/sysconfig/clock /etc/hostname /etc/passwd /etc/group; do
      file "$one"
    done
    if [ -L /etc/localtime ]; then run readlink-localtime readlink -f /etc/localtime; fi
    local=plain
    for one in /etc/ansible/facts.d/*.fact; do
      if [ -f "$one" ] && [ -x "$one" ]; then local=programs; fi
    done
    printf 'MA1 local %s\n' "$local"
    run date date '+%Y-%m-%dT%H:%M:%S%z %Z'
    run uname uname -a
    for one in /var/lib/cloud/data/instance-id /sys/devices/virtual/dmi/id/board_asset_tag; do
      if [ -r "$one" ]; then printf 'MA1 identity %s\n' "$(head -c 64 <"$one" | tr -cd 'a-z0-9-')"; fi
    done
    if [ -r /run/cloud-init/instance-data.json ]; then
      head -c 1048576 </run/cloud-init/instance-data.json | tr ',{}' '\n' |
        sed -n 's/^ *"region": *"\([a-z0-9-]*\)".*/MA1 region \1/p' | head -n 1
    fi
    ;;
  schedules)
    file /etc/crontab
    file /etc/anacrontab
    for one in /etc/cron.d /etc/cron.hourly /etc/cron.daily /etc/cron.weekly /etc/cron.monthly; do files "$one"; done
    if [ -d /var/spool/cron/crontabs ]; then files /var/spool/cron/crontabs; else files /var/spool/cron; fi
    for one in /etc/default/cron /etc/sysconfig/crond /etc/default/anacron /etc/cron.allow /etc/cron.deny; do file "$one"; done
    ;;
  units)
    run systemctl-units systemctl list-units --type=service --all --no-pager --plain --no-legend
    run systemctl-unit-files systemctl list-unit-files --type=service --no-pager --no-legend
    run systemctl-timers systemctl list-timers --all --no-pager
    {
      find /etc/systemd/system -type f 2>/dev/null |
        grep -E '^/etc/systemd/system/[^/]+(\.(service|timer)|\.(service|timer)\.d/[^/]+\.conf)$'
      find /etc/systemd/system -maxdepth 1 -type l 2>/dev/null | grep -E '\.(service|timer)$'
      if has systemctl; then
        {
          systemctl list-units --type=service --state=running --no-pager --plain --no-legend
          systemctl list-units --type=timer --all --no-pager --plain --no-legend
        } 2>/dev/null </dev/null | awk '{ print $1 }' | grep -E '\.(service|timer)$' | while IFS= read -r unit; do
          systemctl show --property=FragmentPath --property=DropInPaths --property=Unit "$unit" </dev/null 2>/dev/null
        done | while IFS= read -r line; do
          case $line in
            Unit=*) systemctl show --property=FragmentPath --property=DropInPaths "${line#Unit=}" </dev/null 2>/dev/null ;;
            *) printf '%s\n' "$line" ;;
          esac
        done | sed -n 's/^\(FragmentPath\|DropInPaths\)=//p' | tr ' ' '\n' | grep -E '^/(etc|usr/lib|lib|usr/local/lib)/systemd/'
      fi
    } | sort -u | while IFS= read -r one; do file "$one"; done
    ;;
  packages)
    if has dpkg-query; then
      printf 'MA1 begin cmd %s %s\n' "$(name dpkg-query)" "$coding"
      {
        dpkg-query -W -f='${db:Status-Status} ${Package}\t${Version}\n' 2>/dev/null </dev/null | sed -n 's/^installed //p'
        printf '\nMA1-STATUS 0'
      } | pack
      printf 'MA1 end 0\n'
    else
      note absent dpkg-query
    fi
    # without its cache files, which apt would rewrite
    run apt-mark-showmanual apt-mark -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= showmanual
    run rpm-qa rpm -qa --qf '%{NAME}\t%{VERSION}-%{RELEASE}\n'
    ;;
  processes)
    run ss ss -tulpn
    if ! has ss; then run netstat netstat -tulpn; fi
    run ps ps -wweo user,pid,ppid,pcpu,pmem,vsz,rss,tty,stat,lstart,etime,args
    ;;
  configuration)
    if has dpkg; then
      label=dpkg-verify
      found=$(gently dpkg --verify 2>/dev/null </dev/null)
    elif has rpm; then
      label=rpm-verify
      found=$(gently rpm -Vac --nodeps --noscripts 2>/dev/null </dev/null)
    else
      label=
      note absent 'dpkg or rpm'
    fi
    if [ -n "$label" ]; then
      printf 'MA1 begin cmd %s %s\n' "$(name "$label")" "$coding"
      printf '%s\n\nMA1-STATUS 0' "$found" | pack
      printf 'MA1 end 0\n'
    fi
    if [ -z "$label" ]; then printf 'MA1 done %s\n' "$step"; exit 0; fi
    count=0
    {
      printf '%s\n' "$found" | sed -n 's/^..5[^ ]* *\([a-z] \)\{0,1\} *\(\/.*\)$/\2/p'
      unowned
    } | sort -u | while IFS= read -r one; do
      if not_configuration "$one" || [ ! -f "$one" ] || untouched "$one"; then continue; fi
      if [ "$count" -ge "$config_many" ]; then note many "$one"; break; fi
      count=$((count + 1))
      file "$one" "$config_max"
    done
    ;;
  list)
    held=0
    for one in $(logs); do
      if [ ! -r "$one" ]; then note unreadable "$one"; continue; fi
      if unpacked "$one" | cron_lines | head -n 1 | grep -q .; then listed log "$one"; held=1; fi
    done
    if [ "$held" = 0 ] && has journalctl; then printf 'MA1 item journal:%s:%s\n' "$days" "$(name cron)"; fi
    for one in /var/log/sysstat/sa[0-9]* /var/log/sa/sa[0-9]*; do
      if [ -n "$(changed_within "$one")" ]; then listed sysstat "$one"; fi
    done
    for one in /var/log/account/pacct* /var/account/pacct*; do
      if [ -n "$(changed_within "$one")" ]; then listed pacct "$one"; fi
    done
    ;;
  log)
    printf 'MA1 begin file %s %s\n' "$(name "$item")" "$coding"
    unpacked "$item" | cron_lines | tail -c "$log_max" | pack
    printf 'MA1 end 0\n'
    ;;
  journal)
    run journal-cron journalctl --no-pager -o json --since "-${days}days" -t CRON -t cron -t CROND -t crond
    ;;
  sysstat)
    if has sadf; then
      printf 'MA1 begin metrics %s %s\n' "$(name "$item")" "$coding"
      { sadf -j "$item" -- -u -r 2>/dev/null </dev/null; printf '\nMA1-STATUS %s' "$?"; } | pack
      printf 'MA1 end 0\n'
    else
      note absent sadf
    fi
    ;;
  pacct)
    printf 'MA1 begin metrics %s %s\n' "$(name "$item")" "$coding"
    unpacked "$item" | tail -c "$log_max" | pack
    printf 'MA1 end 0\n'
    ;;
esac
printf 'MA1 done %s\n' "$step"
