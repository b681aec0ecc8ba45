"""The public face: what `import hpsearch` gives, in terms of studies, trials and bundles."""
