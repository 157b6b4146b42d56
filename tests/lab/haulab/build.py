"""What the lab compiles, under target/lab: the shop's versions as bundle source folders, an age identity, the traffic program."""

import datetime
import hashlib
import os
import shutil

from . import rootfs
from .base import CACHE, FIRST_VERSION, LAB, TARGET, only_one, run, say, write

SHOP = LAB / "shop"
# version: (counter, variant of Build.java, has the new column). One counter for all that come after the first: the lab gives one
# up and takes another in any order, and a node takes none that is below the highest it ever ran.
VERSIONS = {
    "1.0.0": (1, "good", False),
    "1.1.0": (2, "good", True),
    "1.1.1": (2, "exits", True),
    "1.1.2": (2, "sick", True),
    "1.1.3": (2, "dies", True),
    "1.1.4": (2, "slow", True),
}


def bundle_folder(version):
    return TARGET / "bundles" / f"shop-{version}"


def shop():
    """Makes target/lab/bundles/shop-VERSION for every version, again only when its sources changed."""
    digest = hashlib.sha256((LAB / "haulab" / "build.py").read_bytes())
    for path in sorted(path for path in SHOP.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(SHOP)).encode() + path.read_bytes())
    stamp = TARGET / "bundles" / "stamp"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == digest.hexdigest():
        return
    say("compiling the shop's versions")
    shutil.rmtree(TARGET / "bundles", ignore_errors=True)
    for version, (counter, variant, noted) in VERSIONS.items():
        _bundle(version, counter, variant, noted)
    write(stamp, digest.hexdigest())


def _bundle(version, counter, variant, noted):
    folder = bundle_folder(version)
    _jar(version, variant, folder / "app" / "shop.jar")
    (folder / "worker").mkdir()
    shutil.copy(SHOP / "worker" / "worker.py", folder / "worker" / "worker.py")
    write(folder / "VERSION", version + "\n")
    expires = datetime.date.today() + datetime.timedelta(days=365)
    lines = ["format = 1", 'product = "shop"', f'version = "{version}"', f"counter = {counter}",
             f'upgrades_from = [">={FIRST_VERSION}, <{version}"]', f'expires = "{expires}T00:00:00Z"', "schema_compatible = true"]
    if version == FIRST_VERSION:
        lines[4] = f'upgrades_from = ["<{version}"]'
    if noted:
        name = "schema/0002_add_note.sql"
        (folder / "schema").mkdir()
        shutil.copy(SHOP / name, folder / name)
        lines += ["[[schema]]", f'path = "{name}"']
    write(folder / "manifest.toml", "\n".join(lines) + "\n")


def _jar(version, variant, jar):
    work = TARGET / "java" / version
    shutil.rmtree(work, ignore_errors=True)
    classes = work / "classes"
    classes.mkdir(parents=True)
    template = (SHOP / "api" / "Build.java.in").read_text(encoding="utf-8")
    write(work / "Build.java", template.replace("@VERSION@", version).replace("@VARIANT@", variant))
    sources = [work / "Build.java", *sorted((SHOP / "api").glob("*.java"))]
    run(["javac", "--release", "17", "-Xlint:all", "-Werror", "-d", classes, *sources], timeout=120)
    jar.parent.mkdir(parents=True)
    # a fixed date: the same sources give the same bytes
    run(["jar", "--create", "--file", jar, "--date", "2026-01-01T00:00:00Z", "-C", classes, "."], timeout=60)


def age_recipient():
    """Public key of the lab's own age identity, made once."""
    identity = TARGET / "age.txt"
    if not identity.exists():
        TARGET.mkdir(parents=True, exist_ok=True)
        run(["age-keygen", "-o", identity])
    return run(["age-keygen", "-y", identity]).stdout.strip()


def traffic():
    """Path of the traffic program, compiled when it is not up to date."""
    target = TARGET / "traffic"
    run(["nice", "cargo", "build", "--release", "--locked", "--quiet", "--manifest-path", LAB / "traffic" / "Cargo.toml",
         "--target-dir", target], timeout=600, env=dict(os.environ))
    return target / "release" / "haulab-traffic"


def everything():
    with only_one(CACHE, 900), only_one(TARGET, 900):
        rootfs.layers()
        shop()
        age_recipient()
        traffic()
