.PHONY: site libtorch lab test test-browser test-cluster check platforms wheels test-wheels archive

# This repository's own blog, from the committed results; libtorch and `lab` only if an experiment has to train.
site:
	cargo build --release
	@target/release/labpress build --locked || { \
		echo "make site: the committed results do not suffice, so \`lab\` is built to train what is missing"; \
		$(MAKE) lab && target/release/labpress build; }

# The pinned libtorch, in the user's cache folder, linked as .libtorch. A second call does nothing.
libtorch:
	@scripts/libtorch.sh

# The built-in experiment runner.
lab: libtorch
	cargo build --release --package lab

# Everything, with real training on a small data set.
test: libtorch
	cargo test --workspace

# The preview and the built-in theme, driven by a browser. Installs Node, Chromium and what is missing from npm.
test-browser:
	scripts/test_browser.sh

# Publishing to an object store that speaks S3, which pip installs.
test-cluster:
	scripts/test_cluster.sh

# Formats, lints, documentation, the wall around tch, dependencies, links, spelling, and the oldest Rust.
check: libtorch
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --features labpress/cloud -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items
	@! cargo tree --edges normal | grep --extended-regexp ' (tch|torch-sys) ' || (echo "tch is in the default dependency tree"; exit 1)
	scripts/check_dependencies.py
	scripts/check_links.py
	scripts/check_spelling.sh
	scripts/check_rust_version.sh

# Whether the libraries compile for Windows, and all but `lab` for macOS.
platforms:
	scripts/check_platforms.sh

# Wheels of labpress and lab for this machine, in dist/: `pip install dist/*.whl` needs no compiler.
wheels: libtorch
	scripts/wheels.sh

# Installs them into a fresh environment and takes the tour of the README there.
test-wheels: wheels
	scripts/test_wheels.sh

# An archive with the program, completions and the manual, in dist/.
archive:
	cargo build --release
	scripts/archive.sh
