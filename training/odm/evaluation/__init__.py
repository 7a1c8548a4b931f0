"""The evaluation protocol: what a bundle's shipped files are worth, measured. ``run`` is where it begins."""
