"""The root file system of a host: a cached debootstrap, on it a cached layer made by image/ and provision/image.sh, and for a
scenario that wants more programs one of these on top."""

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
# What a scenario adds to the image: (name, Debian packages, Python packages of PyPI).
_added = []
SHOP_SCHEMA = LAB / "shop" / "schema" / "0001_orders.sql"


def layers():
    """The lower layers of a host's overlay, top first; builds what is missing."""
    base = CACHE / f"base-{_base_key()}"
    image = CACHE / f"image-{_image_key()}"
    if not base.is_dir():
        _debootstrap(base)
    if not image.is_dir():
        _provision(base, image)
    found = [image, base]
    for addition in _added:
        found.insert(0, _addition(found, *addition))
    return found


@contextlib.contextmanager
def with_programs(name, debian, pypi=()):
    """Disks that are made meanwhile have these programs, too. The image itself stays as it is."""
    _added.append((name, tuple(debian), tuple(pypi)))
    try:
        yield
    finally:
        _added.pop()


def _base_key():
    return hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:16]


def _image_key():
    digest = hashlib.sha256(_base_key().encode())
    inputs = [SHOP_SCHEMA, LAB / "provision/image.sh", *(LAB / "image").rglob("*")]
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
    with _layer([base], image) as merged:
        run(["cp", "-rT", "--preserve=mode", LAB / "image", merged])
        shutil.copy(SHOP_SCHEMA, merged / "srv/schema.sql")
        shutil.copy(LAB / "provision/image.sh", merged / "root/provision")
        _inside(merged, ["/bin/bash", "/root/provision"], ["--private-network"], 180)


def _addition(below, name, debian, pypi):
    """The layer of with_programs, cached like the others; its packages come over this machine's network."""
    inputs = [*map(os.fspath, below), *debian, *pypi, (LAB / "provision/add.sh").read_text(encoding="utf-8")]
    layer = CACHE / f"{name}-{hashlib.sha256(chr(10).join(inputs).encode()).hexdigest()[:16]}"
    if not layer.is_dir():
        say(f"installing {name} into a layer of its own (once)")
        with _layer(below, layer) as merged:
            shutil.copy(LAB / "provision/add.sh", merged / "root/provision")
            outside = ["--resolv-conf=bind-host", "--bind-ro=/etc/ssl/certs"]
            _inside(merged, ["/bin/bash", "/root/provision", " ".join(debian), " ".join(pypi)], outside, 900)
    return layer


@contextlib.contextmanager
def _layer(below, layer):
    """A folder that shows the layers below; what is changed in it becomes the layer, if nothing fails."""
    part, work = layer.with_name(layer.name + ".part"), layer.with_name(layer.name + ".work")
    for folder in (part, work):
        _remove(folder)
        folder.mkdir(parents=True)
    merged = work / "merged"
    merged.mkdir()
    (work / "work").mkdir()
    options = f"lowerdir={':'.join(map(str, below))},upperdir={part},workdir={work / 'work'}"
    run(["mount", "-t", "overlay", "haulab-image", "-o", options, merged])
    try:
        yield merged
    finally:
        run(["umount", merged])
    part.rename(layer)
    _remove(work)


def _inside(root, command, options, seconds):
    run(["systemd-nspawn", "-q", "-D", root, "--register=no", "--keep-unit", "--pipe", *options, *command], timeout=seconds)


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
