"""How each verb is carried out so that doing it twice is doing it once: the same for every kind.

Synchronous, and free of Temporal: a `Job` carries what the activity knows, so the laws are tested in process, on
simulated kinds, with a loss between any two calls.
"""
