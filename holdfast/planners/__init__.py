"""Facts in, plan out. Each planner is pure; whoever calls it has done the looking."""
