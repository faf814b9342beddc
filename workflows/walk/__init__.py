"""Carry out a plan forward, and back: every step is done, or undone, or named as stuck, kept or lost.

The walk decides nothing about a cloud and waits for nothing but the hands it is given, so it runs under Temporal and
under plain asyncio alike; its promise is tested under the latter, on random graphs with random faults.
"""

from workflows.walk.hands import Failed, Hands, Order
from workflows.walk.memory import Memory
from workflows.walk.walk import Walk
from workflows.walk.words import INTERRUPTED, Ending, Question

__all__ = ["INTERRUPTED", "Ending", "Failed", "Hands", "Memory", "Order", "Question", "Walk"]
