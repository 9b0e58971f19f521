# Makes the packages, signs them, makes the repositories of them, and what a base image of the family has beside.
# https://HOST/PATH of a case is /srv/world/HOST/PATH here.
set -eu
world=/srv/world
build=/srv/build
mkdir -p "$world/base" "$world/epel" "$world/dl.fedoraproject.org/pub/epel" "$world/nginx.org/keys" \
  "$world/nginx.org/packages/rhel/9/x86_64" "$world/example.org/el9/x86_64" "$world/a.example.org" "$build" \
  /etc/yum.repos.d /etc/pki/rpm-gpg /etc/sysconfig /etc/dnf/vars

# package NAME VERSION [lines of the header, then after %%% those of install and files]
package() {
  cat > "$build/$1-$2.spec" <<SPEC
Name: $1
Version: $2
Release: 1
Summary: $1
License: MIT
BuildArch: noarch
$(printf '%s' "${3-}")
%description
$1
%install
$(printf '%s' "${4-}")
%files
$(printf '%s' "${5-}")
SPEC
  rpmbuild -bb --quiet --define "_topdir $build" --define "_rpmdir ${6:-$world/base}" \
    --define '__os_install_post %{nil}' \
    --define '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.noarch.rpm' "$build/$1-$2.spec" >/dev/null
}
program() { package "$1" 1.0 '' "mkdir -p %{buildroot}/usr/bin; printf '#!/bin/sh\n' > %{buildroot}/usr/bin/$1; chmod 0755 %{buildroot}/usr/bin/$1" "/usr/bin/$1"; }

for name in acl findutils git glibc-langpack-ja gcc gzip jq libcap make mod_ssl nano patch perl perl-interpreter php \
    php-fpm php-xml a b c python3-dnf-plugin-versionlock python3-lxml python3-passlib python3-pip python39 rsync ruby \
    shadow-utils dnf-plugins-core tar tzdata unzip wget libpq mariadb-connector-c-devel mysql nginx postgresql postgresql-devel; do
  package "$name" 1.0
done
program tree
program less
package bc 1.07.1
package bc 1.08
package bash 5 'Provides: /bin/sh'
package curl-minimal 7.76
package curl 7.76 'Conflicts: curl-minimal'
package nodejs 18.1
package php-cli 8.1
package php-cli 8.0 '' \
  "mkdir -p %{buildroot}/etc; printf '%s\n' '[PHP]' ';date.timezone =' '[Date]' ';date.timezone =' '[Pdo]' > %{buildroot}/etc/php.ini" /etc/php.ini
package httpd 2.4 'Requires(pre): bash
%pre
getent group apache >/dev/null || groupadd -r apache'
package java-17-openjdk-headless 17 'Requires(post): bash
%post
update-alternatives --install /usr/bin/java java /usr/lib/jvm/java-17-openjdk/bin/java 1700' \
  "mkdir -p %{buildroot}/usr/lib/jvm/java-17-openjdk/bin; touch %{buildroot}/usr/lib/jvm/java-17-openjdk/bin/java" \
  /usr/lib/jvm/java-17-openjdk/bin/java
package epel-release 9 '' "mkdir -p %{buildroot}/etc/yum.repos.d
printf '%s\n' '[epel]' name=EPEL baseurl=file://$world/epel gpgcheck=0 > %{buildroot}/etc/yum.repos.d/epel.repo" /etc/yum.repos.d/epel.repo
package htop 3.0 '' '' '' "$world/epel"
package tool 1.0 '' '' '' "$world/example.org/el9/x86_64"
package nginx-module-njs 1.0 '' '' '' "$world/nginx.org/packages/rhel/9/x86_64"
cp "$world/base/epel-release-9-1.noarch.rpm" "$world/dl.fedoraproject.org/pub/epel/epel-release-latest-7.noarch.rpm"

for name in world vendor; do
  gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-generate-key "$name" rsa2048 sign never
  gpg --batch --armor --export "$name" > "/srv/$name.key"
done
rpmsign --define '__gpg /usr/bin/gpg' --define '_gpg_name world' --addsign "$world"/base/*.rpm >/dev/null
rpmsign --define '__gpg /usr/bin/gpg' --define '_gpg_name vendor' --addsign "$world"/nginx.org/packages/rhel/9/x86_64/*.rpm "$world"/example.org/el9/x86_64/*.rpm >/dev/null
cp /srv/vendor.key "$world/nginx.org/keys/nginx_signing.key"
cp /srv/world.key /etc/pki/rpm-gpg/RPM-GPG-KEY-world

createrepo_c -q -g /srv/comps.xml "$world/base"
modifyrepo_c --mdtype=modules /srv/modules.yaml "$world/base/repodata" >/dev/null
for repository in epel nginx.org/packages/rhel/9/x86_64 example.org/el9/x86_64 example.org a.example.org; do
  createrepo_c -q "$world/$repository"
done
echo "file://$world/a.example.org" > "$world/example.org/mirrors"   # a file has no query
printf '%s\n' '[tool]' name=Tool "baseurl=file://$world/example.org/el9/x86_64" gpgcheck=0 > "$world/example.org/tool.repo"
mkdir /srv/tool && echo tool > /srv/tool/README && tar -czf "$world/example.org/tool.tar.gz" -C /srv tool

# what images of the family have
cat > /etc/yum.repos.d/rocky.repo <<REPO
[baseos]
name=Rocky Linux
baseurl=file://$world/base
gpgcheck=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-world
REPO
sed 's/baseos/extras/' /etc/yum.repos.d/rocky.repo > /etc/yum.repos.d/rocky-extras.repo
cp /etc/yum.repos.d/rocky.repo /etc/yum.repos.d/rocky-addons.repo
sed -i -e 's/baseos/addons/' -e 's/^gpgcheck/enabled=0\ngpgcheck/' /etc/yum.repos.d/rocky-addons.repo
cat > /etc/dnf/dnf.conf <<CONF
[main]
gpgcheck=1
installonly_limit=3
clean_requirements_on_remove=True
best=True
skip_if_unavailable=False
CONF
echo 9 > /etc/dnf/vars/releasever
rm -f /etc/dnf/plugins/local.conf /etc/dnf/plugins/post-transaction-actions.conf
printf '[main]\nenabled = 0\n' > /etc/dnf/plugins/local.conf
ln -s dnf /usr/bin/yum
ln -s dnf/dnf.conf /etc/yum.conf
printf '%s\n' '# a' x=1 '# b' >> /etc/profile
touch /etc/bashrc /etc/redhat-release /etc/screenrc
groupadd -r wheel
dnf install -y -q bash curl-minimal nano >/dev/null
dnf clean all -q
rm -rf "$build" /root/.gnupg
