#!/bin/bash
# Runs once inside a layer over the image: `add DEBIAN-PACKAGES PYPI-PACKAGES`, each a list in one word. None of it runs at boot.
set -euo pipefail
export LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive

printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
chmod 0755 /usr/sbin/policy-rc.d
mkdir -p /run/postgresql
units_before=$(systemctl list-unit-files --state=enabled --no-legend | cut -d' ' -f1 | sort)
apt-get update -q
read -ra packages <<< "$1"
apt-get install -qy --no-install-recommends "${packages[@]}"
if [[ -n $2 ]]; then
    read -ra packages <<< "$2"
    pip install --break-system-packages --no-cache-dir --quiet "${packages[@]}"
fi
units_after=$(systemctl list-unit-files --state=enabled --no-legend | cut -d' ' -f1 | sort)
comm -13 <(echo "$units_before") <(echo "$units_after") | xargs -r systemctl -q disable
apt-get clean
rm -rf /var/lib/apt/lists/* /usr/sbin/policy-rc.d /root/provision
