"""The training lab: data sets, network, losses, training, evaluation and export of Ordinal Diffusion Models."""
