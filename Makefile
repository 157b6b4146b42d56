# What people type. Each target does its own set-up; on Debian 12 as root nothing else is needed but a Rust toolchain.
CARGO ?= cargo
MUSL := x86_64-unknown-linux-musl
# PROFILE=dev: quick builds, for trying things in the lab.
PROFILE ?= release
BIN := $(if $(filter dev,$(PROFILE)),target/debug,target/$(MUSL)/release)
DESTDIR ?=
NEEDS := tests/needs
PACKAGES := target/package

.PHONY: release install packages deb rpm test soak demo bench lint lab-smoke screens fuzz mutants every-mutant clean

## release: static programs in target/x86_64-unknown-linux-musl/release
release:
	@$(NEEDS) build
	$(CARGO) build --locked --bins $(if $(filter dev,$(PROFILE)),,--release --target $(MUSL))

## install: the files of the package below DESTDIR
install: release
	install -D -m 0755 $(BIN)/hau-sidecar $(DESTDIR)/usr/sbin/hau-sidecar
	install -D -m 0755 $(BIN)/hau-ctl $(DESTDIR)/usr/bin/hau-ctl
	install -D -m 0644 -t $(DESTDIR)/usr/lib/systemd/system systemd/hau-sidecar.service systemd/hau-weight.service
	install -D -m 0644 systemd/keepalived.service.d/hau.conf $(DESTDIR)/usr/lib/systemd/system/keepalived.service.d/hau.conf
	install -D -m 0644 systemd/hau.tmpfiles.conf $(DESTDIR)/usr/lib/tmpfiles.d/hau.conf
	install -D -m 0644 systemd/hau.sysusers.conf $(DESTDIR)/usr/lib/sysusers.d/hau.conf
	install -D -m 0644 -t $(DESTDIR)/usr/share/man/man1 man/hau-ctl.1
	install -D -m 0644 -t $(DESTDIR)/usr/share/man/man5 man/hau.toml.5
	install -D -m 0644 -t $(DESTDIR)/usr/share/man/man8 man/hau-sidecar.8
	install -D -m 0644 -t $(DESTDIR)/usr/share/doc/hau hau.toml.example README.md README.zh-CN.md ARCHITECTURE.md docs/hau.rules.yml docs/hau.dashboard.json
	install -D -m 0644 -t $(DESTDIR)/usr/share/doc/hau/docs docs/*.md
	install -D -m 0644 -t $(DESTDIR)/usr/share/doc/hau/docs/examples/spring-boot docs/examples/spring-boot/*
	install -D -m 0644 -t $(DESTDIR)/usr/share/doc/hau/docs/examples/gunicorn docs/examples/gunicorn/*
	install -D -m 0644 -t $(DESTDIR)/usr/share/doc/hau/keepalived keepalived/*.conf
	install -D -m 0644 -t $(DESTDIR)/usr/share/doc/hau/hooks hooks/README.md hooks/example/* hooks/site/*
	install -D -m 0644 completions/hau-ctl.bash $(DESTDIR)/usr/share/bash-completion/completions/hau-ctl
	install -D -m 0644 -t $(DESTDIR)/usr/share/zsh/vendor-completions completions/_hau-ctl
	install -D -m 0644 -t $(DESTDIR)/usr/share/fish/vendor_completions.d completions/hau-ctl.fish

## packages: target/package/hau_VERSION_amd64.deb and hau-VERSION.x86_64.rpm, both made of the tree that `install` lays out
packages: deb rpm

deb: $(PACKAGES)/root
	@$(NEEDS) deb
	rm -f $(PACKAGES)/*.deb
	$(CARGO) deb --quiet --no-build --no-strip $(if $(filter dev,$(PROFILE)),--fast) --output $(PACKAGES)/

rpm: $(PACKAGES)/root
	@$(NEEDS) rpm
	rm -f $(PACKAGES)/*.rpm
	$(CARGO) generate-rpm --output $(PACKAGES)/

.PHONY: $(PACKAGES)/root
$(PACKAGES)/root: release
	rm -rf $@
	$(MAKE) --no-print-directory install DESTDIR=$@ >/dev/null

## demo: boots two hosts, installs hau on them, upgrades a service under live traffic, shows the figures
demo: release
	@$(NEEDS) lab
	tests/lab/demo

## lint: format, every lint as an error, the alerts, and what the dashboard asks for
lint:
	@$(NEEDS) test
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	shellcheck tests/needs .ci/run packaging/* hooks/*/* tests/gaussdb/front/bin/pg_controldata
	promtool check rules docs/hau.rules.yml
	tests/dashboard > target/dashboard.yml && promtool check rules target/dashboard.yml
	promtool test rules tests/rules.yml

## test: everything that must hold, in under 30 minutes
test:
	$(MAKE) lint
	HAU_SIM_SEEDS=20000 $(CARGO) test --locked
	$(MAKE) lab-smoke

lab-smoke: release
	@$(NEEDS) lab
	tests/lab/smoke
	tests/lab/crashloop --cuts 6 --pairs 2

## soak: what takes a night: a million simulated rollouts, longer ways through the states of a pair, Patroni from PyPI, 200 cuts of real hosts
soak: release
	HAU_SIM_SEEDS=1000000 $(CARGO) test --locked --release --test sim -- --nocapture with_faults_every_promise_holds
	HAU_REACH_LEFT=2 $(CARGO) test --locked --release --test reach -- --nocapture
	@$(NEEDS) lab
	tests/lab/smoke reach_patroni ask_patroni
	tests/lab/crashloop --cuts 200 --pairs 3

## mutants: deliberate errors in the rules of the core and of the audit trail, each of which a test must see
mutants:
	tests/mutants

## every-mutant: all the errors that cargo-mutants knows, in all of the core; about half an hour, what is not seen is listed and a failure
every-mutant:
	@$(NEEDS) mutants
	tests/mutants --every

## bench: figures into target/bench/*.json, and a picture; never asserted. About 45 minutes besides `cargo bench`; they are worth something only if the machine does nothing else
bench: release
	@$(NEEDS) bench
	$(CARGO) bench --locked
	tests/lab/bench
	tests/delta/bench

## screens: the page in headless Chromium: what it must do there, and pictures into docs/screens
screens:
	@$(NEEDS) screens
	rm -rf target/page
	HAU_PAGES=$(CURDIR)/target/page $(CARGO) test --locked --lib -- --ignored pages_for_the_browser
	tests/page/screens target/page docs/screens

## fuzz: whatever reads what others wrote, each for FUZZ_SECONDS (600) of inputs that look for a way through it: fuzz/README.md
fuzz:
	@$(NEEDS) fuzz
	tests/fuzz

clean:
	$(CARGO) clean
