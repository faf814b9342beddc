"""A local AWS: moto behind a thin layer of ours, as a process of its own (`python -m localcloud.aws`).

What moto does not do as AWS does is closed, or refused, in `localcloud.aws.models`.
"""
