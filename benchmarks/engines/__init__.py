"""What `benchmarks/figure3.py` is made of: one study, three tasks, four ways to run their networks."""
