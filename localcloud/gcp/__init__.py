"""A local Google Cloud, as a process of its own (`python -m localcloud.gcp`): Compute Engine, Resource Manager, service
accounts and buckets over REST, and Resource Manager over gRPC as well (`rpc`).

`table` says what there is in Compute, `compute` does to all of it the same things.
"""
