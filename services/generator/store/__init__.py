"""The generator's SQL: every statement takes a batch, is repeatable by id, and says which rows it really moved."""
