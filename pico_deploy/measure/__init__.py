"""What was measured, where, and how sure we are: schema, statistics, budgets, comparison."""
