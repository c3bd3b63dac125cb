"""What each request passes before its route, in this order: request id, CORS, caller, limits; and faults on the way back."""
