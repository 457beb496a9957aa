"""Categories of published schemes, each a table in code with its version: one module a scheme.

`lung_rads` and `lung_rads_study` (Lung-RADS v2022), `fleischner` (2017), `c_lung_rads` (2024).
"""
