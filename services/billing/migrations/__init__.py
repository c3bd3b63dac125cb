"""The billing schema, in forward-only steps."""
