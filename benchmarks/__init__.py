"""What Orchard is measured by: each part beside its peers, in turn, on the same machine, in the same run.

`python -m benchmarks` measures everything and rewrites the tables of docs/benchmarks.md; `--quick` takes minutes and
writes out/benchmarks.md instead. A benchmark is a module with a function `measure(data, quick=...)` that gives tables;
`turns` says who is measured when, `isolated` in which process, `page` what becomes of the tables.
"""
