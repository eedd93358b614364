.PHONY: libtorch lab

# The pinned libtorch, in the user's cache folder, linked as .libtorch. A second call does nothing.
libtorch:
	@scripts/libtorch.sh

# The built-in experiment runner.
lab: libtorch
	cargo build --release --features lab --bin lab
