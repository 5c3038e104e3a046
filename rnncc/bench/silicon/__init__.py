"""Published measurements beside what the machine descriptions give: DeepBench layers, the TPU paper's applications."""
