"""The only SQL of billing: named queries by subject, each on the connection of the transaction that its caller has opened.

Everyone who moves money, or sets a budget, locks the account's row first (`wallets.lock`), several in the order of their
ids: then what is read afterwards cannot change before the commit, and no two transactions wait for each other in a ring.
"""
