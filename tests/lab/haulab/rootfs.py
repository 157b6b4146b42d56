"""The root file system of a host: a cached debootstrap, and on it a cached layer made by image/ and provision/image.sh."""

import contextlib
import hashlib
import os
import shutil

from .base import CACHE, LAB, LabError, run, say

PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "udev", "procps", "iproute2", "iputils-ping", "nftables", "conntrack", "tcpdump",
    "keepalived", "rsync", "curl", "openssl", "ca-certificates", "zstd", "age", "minisign",
    "postgresql-15", "postgresql-client-15", "python3", "openjdk-17-jre-headless", "libpostgresql-jdbc-java",
)
SHOP_SCHEMA = LAB / "shop" / "schema" / "0001_orders.sql"


def layers():
    """The lower layers of a host's overlay, top first; builds what is missing."""
    base = CACHE / f"base-{_base_key()}"
    image = CACHE / f"image-{_image_key()}"
    if not base.is_dir():
        _debootstrap(base)
    if not image.is_dir():
        _provision(base, image)
    return [image, base]


def _base_key():
    return hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:16]


def _image_key():
    digest = hashlib.sha256(_base_key().encode())
    inputs = [SHOP_SCHEMA, *(LAB / "provision").rglob("*"), *(LAB / "image").rglob("*")]
    for path in sorted(path for path in inputs if path.is_file()):
        digest.update(f"{path.relative_to(LAB)} {path.stat().st_mode:o}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _mirror():
    """Archive and release that this machine's own apt uses."""
    asked = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)", "Created-By: Packages"])
    for line in asked.stdout.splitlines():
        uri, _, codename = line.partition(" ")
        if codename == "bookworm":
            return uri, codename
    raise LabError("apt on this machine knows no archive of Debian bookworm: add one to its sources")


def _debootstrap(base):
    uri, codename = _mirror()
    say(f"debootstrap of {codename} (once, about a minute)")
    part = base.with_name(base.name + ".part")
    _remove(part)
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        run(["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", codename, part, uri], timeout=900)
    except LabError as error:
        raise LabError(f"{error}\n(the whole story: {part}/debootstrap/debootstrap.log)") from error
    shutil.rmtree(part / "var/cache/apt/archives", ignore_errors=True)
    part.rename(base)


def _provision(base, image):
    say("making the hosts' image (once per change of image/ or provision/)")
    part, work = image.with_name(image.name + ".part"), image.with_name(image.name + ".work")
    for folder in (part, work):
        _remove(folder)
        folder.mkdir(parents=True)
    merged = work / "merged"
    merged.mkdir()
    (work / "work").mkdir()
    options = f"lowerdir={base},upperdir={part},workdir={work / 'work'}"
    run(["mount", "-t", "overlay", "haulab-image", "-o", options, merged])
    try:
        run(["cp", "-rT", "--preserve=mode", LAB / "image", merged])
        shutil.copy(SHOP_SCHEMA, merged / "srv/schema.sql")
        shutil.copy(LAB / "provision/image.sh", merged / "root/provision")
        run(["systemd-nspawn", "-q", "-D", merged, "--register=no", "--keep-unit", "--private-network", "--pipe",
             "/bin/bash", "/root/provision"], timeout=180)
    finally:
        run(["umount", merged])
    part.rename(image)
    _remove(work)


def _remove(folder):
    """rm -r that never crosses into something still mounted below."""
    with contextlib.suppress(FileNotFoundError):
        for name in sorted(_mounts_below(folder), reverse=True):
            run(["umount", name])
        shutil.rmtree(folder)


def _mounts_below(folder):
    prefix = os.fspath(folder) + "/"
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        return [line.split()[1] for line in mounts if line.split()[1].startswith(prefix)]
