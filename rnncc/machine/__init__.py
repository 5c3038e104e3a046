"""Machine descriptions: what an accelerator is, from a TOML file."""
